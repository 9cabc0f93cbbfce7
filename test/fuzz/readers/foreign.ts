import { MultipassError } from '../../../src/errors.js';
import type { ForeignMachine } from '../../../src/vm/foreign/foreign-machine.js';
import type { Members } from '../../../src/vm/foreign/members.js';
import { readIncusBackup, readIncusImage } from '../../../src/vm/foreign/read-incus.js';
import { readLibvirt } from '../../../src/vm/foreign/read-libvirt.js';
import { readLima } from '../../../src/vm/foreign/read-lima.js';
import { lookAtOci } from '../../../src/vm/foreign/read-oci.js';
import { readOva } from '../../../src/vm/foreign/read-ova.js';
import { readVagrant } from '../../../src/vm/foreign/read-vagrant.js';
import { Work } from '../../../src/work.js';
import { reader, SLOW, texts, type FuzzedReader, type Grammar, type Place } from '../reader.js';
import {
  DOMAIN,
  INCUS_BACKUP,
  INCUS_IMAGE,
  LIMA,
  OCI_BLOBS,
  OCI_INDEX,
  OVF,
} from './foreign-samples.js';

/** What lies beside the description of a machine, whatever that says. */
const BESIDE = ['disk.img', 'diffdisk', 'box.img', 'rootfs.img', 'backup/virtual-machine.img'];

/** The description of a machine among files. */
function described(
  name: string,
  file: string,
  {
    grammar,
    samples,
    read,
  }: {
    readonly grammar: Grammar;
    readonly samples: readonly (string | object)[];
    readonly read: (members: Members) => Promise<unknown>;
  },
): FuzzedReader {
  return reader({
    name,
    grammar,
    ...(grammar === 'yaml' ? { share: SLOW } : {}),
    opens: true,
    samples: () => texts(...samples),
    read: async (input, place) => await read(membersOf(file, input, place)),
    problem: (machine, _, place) => {
      const { cpus, memory, disk } = machine as Partial<ForeignMachine>;
      if (disk?.path.startsWith(`${place.folder}/`) === false)
        return 'its disk is none of its files';
      const isNumber = (value: number | null | undefined): boolean =>
        value === undefined || value === null || (Number.isSafeInteger(value) && value > 0);
      return isNumber(cpus) && isNumber(memory) ? undefined : 'a number without sense';
    },
  });
}

function membersOf(file: string, data: Buffer, place: Place): Members {
  const files = new Map([
    ...BESIDE.map((name) => [name, Buffer.alloc(512)] as const),
    ...OCI_BLOBS,
    [file, data],
  ]);
  const find = (name: string): Buffer => {
    const found = files.get(name);
    if (found === undefined)
      throw new MultipassError('ARTIFACT_INVALID', `no ${name}`, { hint: 'none' });
    return found;
  };
  return {
    origin: 'machine',
    names: new Set(files.keys()),
    size: (name) => find(name).length,
    read: (name) => Promise.resolve(find(name)),
    path: (name) => Promise.resolve(place.file(name, find(name))),
  };
}

const work = Work.of({});

export const foreign = [
  described('ovf', 'a.ovf', {
    grammar: 'xml',
    samples: [OVF],
    read: async (members) => await readOva(members, { ovf: 'a.ovf', work }),
  }),
  described('libvirt', 'a.xml', {
    grammar: 'xml',
    samples: [DOMAIN],
    read: async (members) => await readLibvirt(members, 'a.xml'),
  }),
  described('lima', 'lima.yaml', { grammar: 'yaml', samples: [LIMA], read: readLima }),
  described('incus-image', 'metadata.yaml', {
    grammar: 'yaml',
    samples: [INCUS_IMAGE],
    read: readIncusImage,
  }),
  described('incus-backup', 'backup/index.yaml', {
    grammar: 'yaml',
    samples: [INCUS_BACKUP],
    read: readIncusBackup,
  }),
  described('vagrant', 'metadata.json', {
    grammar: 'json',
    samples: [
      { provider: 'libvirt', format: 'qcow2', disks: [{ path: 'disk.img' }] },
      { provider: 'qemu' },
    ],
    read: async (members) => await readVagrant(members, { work }),
  }),
  described('oci-index', 'index.json', { grammar: 'json', samples: [OCI_INDEX], read: lookAtOci }),
];
