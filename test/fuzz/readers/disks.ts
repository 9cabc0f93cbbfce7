import { join } from 'node:path';
import { lookAtDisk } from '../../../src/qemu/disk-format.js';
import { hasOwnData, readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { madeBy } from '../real-files.js';
import { reader, type FuzzedReader } from '../reader.js';
import { packSparse, writeSparse } from '../sparse.js';

/** Disks of 1 MiB with a little in them, as qemu-img writes them. */
const DISKS: Readonly<Record<string, readonly string[]>> = {
  qcow2: [
    'qemu-img convert -f raw -O qcow2 -o cluster_size=512 raw 1.img',
    'qemu-img convert -c -f raw -O qcow2 -o cluster_size=4k raw 1.img',
    'qemu-img convert -f raw -O qcow2 -o cluster_size=16k,extended_l2=on raw 1.img',
    'qemu-img create -q -f raw b 1M; qemu-img create -f qcow2 -F raw -b b 1.img; qemu-img snapshot -c @s1 1.img',
    'qemu-img create -f qcow2 -o compat=0.10 1.img 8M; qemu-img snapshot -c suspend 1.img',
  ],
  vmdk: [
    'qemu-img convert -f raw -O vmdk raw 1.img',
    'qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw 1.img',
  ],
  vdi: ['qemu-img convert -f raw -O vdi raw 1.img', 'qemu-img create -f vdi -o static=on 1.img 1M'],
  vhdx: ['qemu-img convert -f raw -O vhdx raw 1.img'],
  vpc: [
    'qemu-img convert -f raw -O vpc raw 1.img',
    'qemu-img convert -f raw -O vpc -o subformat=fixed raw 1.img',
  ],
  raw: [
    'mv raw 1.img; printf "label: gpt\\n,1M\\n" | sfdisk -q 1.img',
    'mv raw 1.img; printf "label: dos\\n,1M,83\\n" | sfdisk -q 1.img',
    'mv raw 1.img; mkfs.ext4 -q -F 1.img',
  ],
};

const RAW = 'head -c 3000 /dev/urandom > raw; truncate -s 4M raw; PATH=$PATH:/sbin:/usr/sbin;';

function diskSamples(format: string): Buffer[] {
  return (DISKS[format] ?? [])
    .flatMap((script) => madeBy(`${RAW} ${script}`, '1.img'))
    .map(packSparse);
}

const looks = Object.keys(DISKS).map((format): FuzzedReader =>
  reader({
    name: `disk-${format}`,
    grammar: 'bytes',
    opens: true,
    samples: () => diskSamples(format),
    read: (input, place) => {
      place.file('none', Buffer.alloc(0));
      return lookAtDisk(writeSparse(join(place.folder, 'disk'), input));
    },
    problem: (look) => {
      if (look.kind !== 'disk' || look.facts === null) return undefined;
      const { backingFile, externalData, virtualSize } = look.facts;
      return backingFile !== null || externalData || !Number.isSafeInteger(virtualSize)
        ? 'a disk that leads elsewhere is taken'
        : undefined;
    },
  }),
);

export const disks = [
  ...looks,
  reader({
    name: 'qcow2',
    grammar: 'bytes',
    opens: true,
    samples: () => diskSamples('qcow2'),
    read: (input, place) => {
      place.file('none', Buffer.alloc(0));
      const path = writeSparse(join(place.folder, 'disk.qcow2'), input);
      return { facts: readQcow2(path), own: hasOwnData(path) };
    },
    problem: ({ facts }) =>
      facts.snapshots.every(
        ({ name, vmStateSize }) => !name.includes('\0') && Number.isSafeInteger(vmStateSize),
      )
        ? undefined
        : 'a snapshot without sense',
  }),
];
