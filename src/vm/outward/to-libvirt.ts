import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../process/programs.js';
import { escapeXml } from '../../xml.js';
import { copyWhole } from '../disks/copy-file.js';
import { qemuProgram, qemuTarget } from '../run/qemu-program.js';
import { writeIso } from '../seed/iso9660-writer.js';
import type { Departing, Written } from './departing.js';
import { domainType, type DomainType } from './domain-type.js';
import { shellPath } from './shell-path.js';

const DISK = 'disk.qcow2';
const SEED = 'seed.iso';

/** Writes a domain of libvirt, with the identity that the instance has: uuid, generation id, addresses and seed. */
export async function toLibvirt(departing: Departing): Promise<Written> {
  const { layout, name, spec, seed, disk, draft, folder, notes, work } = departing;
  const artifacts = [`${name}.xml`, DISK];
  await copyWhole(disk, join(draft, DISK), work);
  if (seed !== null) {
    await writeFile(join(draft, SEED), writeIso(seed));
    artifacts.push(SEED);
    notes.keep('seed', 'with its instance-id: cloud-init does not run again');
  }
  const type = await domainType(layout, work);
  await writeFile(join(draft, `${name}.xml`), domainOf(departing, type));
  if (type === 'qemu') {
    notes.check.push(
      'its domain is for guests in software, as they run here: where KVM runs them, say type="kvm" in its first line',
    );
  }
  notes.keep('uuid', spec.uuid);
  notes.keep('MAC addresses', spec.interfaces.map(({ mac }) => mac.toString()).join(' '));
  notes.check.push(
    'it is the same machine, with its addresses: start either this one or the other, or delete one of them',
    'a libvirt that runs as root reads the files as another user: its folder has to let that user in',
  );
  for (const { network } of spec.interfaces) {
    if (network !== null) notes.check.push(`the bridge "${network}" has to be there`);
  }
  const xml = shellPath(join(folder, `${name}.xml`));
  return { artifacts, commands: [`virsh define ${xml}`, `virsh start ${name}`] };
}

function domainOf({ name, spec, seed, folder }: Departing, type: DomainType): string {
  const { arch, board } = qemuTarget();
  const file = (path: string): string => escapeXml(join(folder, path));
  const emulator = findProgram(qemuProgram(arch));
  const cards = spec.interfaces.map(({ mac, network }) => {
    const [type, source] =
      network === null ? ['user', ''] : ['bridge', `<source bridge="${escapeXml(network)}"/>`];
    return `    <interface type="${type}">
      <mac address="${mac.toString()}"/>${source}
      <model type="virtio"/>
    </interface>`;
  });
  const cdrom = `    <disk type="file" device="cdrom">
      <driver name="qemu" type="raw"/>
      <source file="${file(SEED)}"/>
      <target dev="sdb" bus="scsi"/>
      <readonly/>
    </disk>\n`;
  return `<domain type="${type}">
  <name>${escapeXml(name)}</name>
  <uuid>${spec.uuid}</uuid>
  <genid>${spec.vmgenid}</genid>
  <memory unit="B">${spec.memory}</memory>
  <vcpu>${spec.cpus}</vcpu>
  <os${arch === 'x86_64' ? '' : ' firmware="efi"'}>
    <type arch="${arch}" machine="${escapeXml(board)}">hvm</type>
    <boot dev="hd"/>
  </os>
  <features>
    <acpi/>
  </features>
  <devices>
${emulator !== undefined ? `    <emulator>${escapeXml(emulator)}</emulator>\n` : ''}    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2" discard="unmap"/>
      <source file="${file(DISK)}"/>
      <target dev="sda" bus="scsi"/>
    </disk>
${seed === null ? '' : cdrom}    <controller type="scsi" model="virtio-scsi"/>
${cards.join('\n')}
    <serial type="pty"/>
    <console type="pty"/>
    <channel type="unix">
      <target type="virtio" name="org.qemu.guest_agent.0"/>
    </channel>
    <rng model="virtio">
      <backend model="random">/dev/urandom</backend>
    </rng>
  </devices>
</domain>
`;
}
