import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import { TarWriter } from '../../files/tar/tar-writer.js';
import { retargetMetaData } from '../../net/meta-data.js';
import { convertToVmdk } from '../../qemu/convert-vmdk.js';
import { measure } from '../../qemu/qemu-img.js';
import { escapeXml } from '../../xml.js';
import { requireSpace } from '../disks/free-space.js';
import { qemuTarget } from '../run/qemu-program.js';
import { writeIso } from '../seed/iso9660-writer.js';
import type { Departing, Written } from './departing.js';
import { shellPath } from './shell-path.js';

/** Namespaces of OVF 1.0 and 1.1 (DSP0243). */
const OVF = 'http://schemas.dmtf.org/ovf/envelope/1';
const CIM = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2';
/** What a size in a header of ustar can say, which is what an OVA has to be. */
const LARGEST = 8 * 1024 ** 3 - 1;

/** Writes an OVA: OVF 1.0, its digests, a compressed vmdk and the seed. The engine gives it addresses of its own. */
export async function toOva(departing: Departing): Promise<Written> {
  const { name, spec, disk, draft, folder, notes, work, seed } = departing;
  if (qemuTarget().arch !== 'x86_64') {
    throw new MultipassError('INVALID_ARGUMENT', 'an OVA is for x86-64, and this host is not', {
      hint: 'Hand it over to libvirt, Incus or KubeVirt.',
    });
  }
  const vmdk = `${name}-disk1.vmdk`;
  const path = join(draft, vmdk);
  await requireSpace(path, 2 * (await measure(disk, { signal: work.signal })).required);
  await convertToVmdk(disk, path, { signal: work.signal });
  const { size } = await stat(path);
  if (size > LARGEST) {
    throw new MultipassError('INVALID_ARGUMENT', `the disk of "${name}" is too large for an OVA`, {
      hint: 'Hand it over to libvirt, and convert its disk there.',
      details: { name, bytes: size },
    });
  }
  const files: { name: string; path: string }[] = [{ name: vmdk, path }];
  if (seed !== null) {
    const iso = `${name}-seed.iso`;
    await writeFile(join(draft, iso), seedOf(departing));
    files.push({ name: iso, path: join(draft, iso) });
  }
  const ovf = await ovfOf(departing, files);
  await pack(join(draft, `${name}.ova`), { name, ovf, files, work });
  for (const file of files) await rm(file.path);
  notes.change('disk', ['qcow2', 'vmdk'], 'the guest sees the same bytes');
  notes.change(
    'MAC address',
    [spec.interfaces[0].mac.toString(), 'a new one'],
    'its network is set up anew, by DHCP',
  );
  notes.change(
    'uuid',
    [spec.uuid, 'a new one'],
    'what goes by it in the guest sees another machine',
  );
  if (seed !== null) {
    const effect = 'cloud-init runs as on a new machine: new host keys';
    notes.change('instance-id', [spec.uuid, 'a new one'], effect);
    notes.lose('network-config', 'of its seed', 'DHCP, which cloud-init falls back to');
  }
  for (const { mac } of spec.interfaces.slice(1)) {
    notes.lose('network card', mac.toString(), 'a card of the other engine');
  }
  notes.check.push('no VirtualBox or VMware has read it here');
  const ova = shellPath(join(folder, `${name}.ova`));
  return { artifacts: [`${name}.ova`], commands: [`VBoxManage import ${ova}`] };
}

/** With another instance-id, and nothing that goes by a MAC address. */
function seedOf({ name, seed }: Departing): Buffer {
  const files = (seed ?? []).filter((file) => file.name !== 'network-config');
  return writeIso(
    files.map((file) => {
      if (file.name !== 'meta-data') return file;
      const identity = { instanceId: randomUUID(), hostname: name };
      const text = retargetMetaData(file.data.toString('utf8'), identity, 'meta-data');
      return { name: file.name, data: Buffer.from(text) };
    }),
  );
}

async function ovfOf(
  { name, spec }: Departing,
  files: readonly { name: string; path: string }[],
): Promise<string> {
  const references = await Promise.all(
    files.map(async (file, index) => {
      const { size } = await stat(file.path);
      return `    <File ovf:id="file${index + 1}" ovf:href="${escapeXml(file.name)}" ovf:size="${size}"/>`;
    }),
  );
  const mib = Math.floor(spec.memory / 1024 ** 2);
  const item = (id: number, type: number, rest: readonly (readonly [string, string])[]): string => {
    // The order of the schema is that of the alphabet.
    const all = [...rest, ['InstanceID', String(id)], ['ResourceType', String(type)]] as const;
    const sorted = [...all].sort(([one], [other]) => (one < other ? -1 : 1));
    const lines = sorted.map(([key, value]) => `        <rasd:${key}>${value}</rasd:${key}>`);
    return `      <Item>\n${lines.join('\n')}\n      </Item>`;
  };
  const named = (text: string): readonly [string, string] => ['ElementName', text];
  const items = [
    item(1, 3, [named(`${spec.cpus} CPUs`), ['VirtualQuantity', String(spec.cpus)]]),
    item(2, 4, [
      ['AllocationUnits', 'byte * 2^20'],
      named(`${mib} MiB`),
      ['VirtualQuantity', String(mib)],
    ]),
    item(3, 20, [['Address', '0'], named('SATA'), ['ResourceSubType', 'AHCI']]),
    item(4, 10, [
      ['AutomaticAllocation', 'true'],
      ['Connection', 'NAT'],
      named('Ethernet'),
      ['ResourceSubType', 'E1000'],
    ]),
    item(5, 17, [
      ['AddressOnParent', '0'],
      named('disk1'),
      ['HostResource', 'ovf:/disk/vmdisk1'],
      ['Parent', '3'],
    ]),
    ...(files.length > 1
      ? [
          item(6, 15, [
            ['AddressOnParent', '1'],
            ['AutomaticAllocation', 'true'],
            named('seed'),
            ['HostResource', 'ovf:/file/file2'],
            ['Parent', '3'],
          ]),
        ]
      : []),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="1.0"
    xmlns="${OVF}"
    xmlns:ovf="${OVF}"
    xmlns:rasd="${CIM}/CIM_ResourceAllocationSettingData"
    xmlns:vssd="${CIM}/CIM_VirtualSystemSettingData">
  <References>
${references.join('\n')}
  </References>
  <DiskSection>
    <Info>Disks</Info>
    <Disk ovf:diskId="vmdisk1" ovf:capacity="${spec.disk}" ovf:fileRef="file1"
      ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>Networks</Info>
    <Network ovf:name="NAT"><Description>NAT</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="${escapeXml(name)}">
    <Info>A virtual machine</Info>
    <Name>${escapeXml(name)}</Name>
    <OperatingSystemSection ovf:id="101">
      <Info>Linux, 64 bits</Info>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Hardware</Info>
      <System>
        <vssd:ElementName>Virtual hardware</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>${escapeXml(name)}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType>
      </System>
${items.join('\n')}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
}

async function pack(
  target: string,
  {
    name,
    ovf,
    files,
    work,
  }: {
    readonly name: string;
    readonly ovf: string;
    readonly files: readonly { name: string; path: string }[];
    readonly work: Departing['work'];
  },
): Promise<void> {
  const lines = [`SHA256(${name}.ovf)= ${createHash('sha256').update(ovf).digest('hex')}\n`];
  for (const file of files) {
    const hash = createHash('sha256');
    for await (const piece of createReadStream(file.path)) hash.update(piece as Buffer);
    lines.push(`SHA256(${file.name})= ${hash.digest('hex')}\n`);
  }
  await using handle = await open(target, 'wx', 0o600);
  const tar = new TarWriter(async (bytes) => {
    throwIfAborted(work.signal);
    await handle.writeFile(bytes);
  });
  await tar.add(`${name}.ovf`, Buffer.from(ovf));
  await tar.add(`${name}.mf`, Buffer.from(lines.join('')));
  for (const file of files) {
    const { size } = await stat(file.path);
    const pieces = createReadStream(file.path, { highWaterMark: 1024 ** 2 });
    await tar.addStream(file.name, size, pieces as AsyncIterable<Buffer>);
  }
  await tar.end();
}
