import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { importAny } from '../../../src/vm/foreign/import-any.js';
import type { ImportChoices, ImportReport } from '../../../src/vm/travel/import-request.js';

const MIB = 1024 ** 2;

/** A raw disk that starts as a disk does, of so many MiB, with some noise in it. */
export async function makeRaw(path: string, mebibytes = 8): Promise<string> {
  await using file = await open(path, 'w');
  const start = Buffer.alloc(512);
  start.write('boot code');
  start.writeUInt16BE(0x55aa, 510);
  await file.write(start, 0, 512, 0);
  await file.write(randomBytes(64 * 1024), 0, 64 * 1024, MIB);
  await file.truncate(mebibytes * MIB);
  return path;
}

/** The same disk in another format. */
export async function convertTo(
  format: string,
  [raw, target]: readonly [string, string],
  options: readonly string[] = [],
): Promise<string> {
  await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, target]);
  return target;
}

/** Imports a file, a folder or bytes. */
export async function importing(
  layout: StoreLayout,
  from: string | AsyncIterable<Uint8Array>,
  choices: ImportChoices = {},
): Promise<{ report: ImportReport; warnings: string[] }> {
  const warnings: string[] = [];
  const work = { onWarning: (warning: string) => warnings.push(warning) };
  return { report: await importAny({ ...choices, layout, from, work }), warnings };
}

/** Whether an instance's guest sees what a raw disk has. */
export async function isSameDisk(disk: string, raw: string): Promise<boolean> {
  const compared = await run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', disk, raw], {
    okExitCodes: [0, 1],
  });
  return compared.exitCode === 0;
}

/** An OVF as VirtualBox and VMware write it. */
export function ovfOf(disks: readonly string[], { memory = 768, more = '' } = {}): string {
  const files = disks.map((href, index) => `<File ovf:id="file${index}" ovf:href="${href}"/>`);
  const sections = disks.map(
    (_, index) =>
      `<Disk ovf:diskId="disk${index}" ovf:fileRef="file${index}" ovf:capacity="8388608" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>`,
  );
  const item = (body: string): string => `<Item>${body}</Item>`;
  const disk = (index: number): string =>
    item(
      `<rasd:AddressOnParent>${index}</rasd:AddressOnParent><rasd:HostResource>ovf:/disk/disk${index}</rasd:HostResource><rasd:InstanceID>${10 + index}</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType>`,
    );
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
<References>${files.join('')}</References>
<DiskSection><Info>d</Info>${sections.join('')}</DiskSection>
<VirtualSystem ovf:id="vm"><Info>m</Info><Name>shop &amp; co</Name>
<VirtualHardwareSection><Info>h</Info>
${item('<rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity>')}
${item(`<rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>${memory}</rasd:VirtualQuantity>`)}
${item('<rasd:InstanceID>5</rasd:InstanceID><rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType>')}
${disks.map((_, index) => disk(index)).join('')}${more}
</VirtualHardwareSection></VirtualSystem></Envelope>`;
}

/** Packs files of a folder with tar(1), in this order. */
export async function tarOfFolder(
  target: string,
  folder: string,
  names: readonly string[],
  options: readonly string[] = ['--format=ustar'],
): Promise<string> {
  await run('tar', ['-C', folder, ...options, '-cf', target, '--', ...names]);
  return target;
}

/** Makes an OVA of a raw disk. */
export async function makeOva(folder: string, raw: string, target: string): Promise<string> {
  await mkdir(folder);
  await convertTo(
    'vmdk',
    [raw, join(folder, 'shop-disk1.vmdk')],
    ['-o', 'subformat=streamOptimized'],
  );
  await writeFile(join(folder, 'shop.ovf'), ovfOf(['shop-disk1.vmdk']));
  const names = ['shop.ovf', 'shop-disk1.vmdk'];
  const lines = await Promise.all(
    names.map(async (name) => `SHA256(${name})= ${sha256(await readFile(join(folder, name)))}\n`),
  );
  await writeFile(join(folder, 'shop.mf'), lines.join(''));
  return await tarOfFolder(target, folder, ['shop.ovf', 'shop.mf', 'shop-disk1.vmdk']);
}

/** In hex. */
export function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Writes files into a new folder. */
export async function makeFolder(
  path: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<string> {
  await mkdir(path);
  for (const [name, data] of Object.entries(files)) {
    if (name.includes('/')) await mkdir(join(path, dirname(name)), { recursive: true });
    await writeFile(join(path, name), data);
  }
  return path;
}

/** Writes an OCI image layout of one layer. */
export async function ociOf(
  path: string,
  { blob, type, diffIds = [] }: { blob: Buffer; type: string; diffIds?: readonly string[] },
): Promise<string> {
  const rootfs = { type: 'layers', diff_ids: diffIds };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }));
  const place = (data: Buffer, mediaType: string): object => ({
    ...{ mediaType, digest: `sha256:${sha256(data)}`, size: data.length },
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: place(config, 'application/vnd.oci.image.config.v1+json'),
      layers: [place(blob, type)],
    }),
  );
  const index = { manifests: [place(manifest, 'application/vnd.oci.image.manifest.v1+json')] };
  return await makeFolder(path, {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    ...Object.fromEntries(
      [config, blob, manifest].map((data) => [`blobs/sha256/${sha256(data)}`, data]),
    ),
    'index.json': JSON.stringify(index),
  });
}
