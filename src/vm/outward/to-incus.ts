import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TarWriter } from '../../files/tar/tar-writer.js';
import { toYaml } from '../../yaml.js';
import { copyWhole } from '../disks/copy-file.js';
import { qemuTarget } from '../run/qemu-program.js';
import { documentOf, type Departing, type Written } from './departing.js';
import { shellPath } from './shell-path.js';

const METADATA = 'metadata.tar';
const DISK = 'disk.qcow2';

/** Writes the two files of an image of Incus or LXD, and the configuration of an instance of it. */
export async function toIncus(departing: Departing): Promise<Written> {
  const { name, spec, disk, draft, folder, notes, work } = departing;
  const config = `${name}.yaml`;
  await copyWhole(disk, join(draft, DISK), work);
  await writeFile(join(draft, METADATA), await metadataOf(departing));
  await writeFile(join(draft, config), toYaml(configOf(departing)));
  const effect = 'cloud-init runs as on a new machine: new host keys';
  notes.change('instance-id', [spec.uuid, 'one of its engine'], effect);
  notes.change(
    'uuid',
    [spec.uuid, 'a new one'],
    'what goes by it in the guest sees another machine',
  );
  notes.change(
    'firmware',
    ['BIOS', 'BIOS by security.csm'],
    'without it such a disk does not boot',
  );
  notes.keep('MAC addresses', spec.interfaces.map(({ mac }) => mac.toString()).join(' '));
  for (const { network } of spec.interfaces) {
    if (network !== null) notes.check.push(`the bridge "${network}" has to be there`);
  }
  notes.check.push(
    'its first card is on the network "incusbr0": name yours where it is another, such as "lxdbr0"',
    'it is in the network with the addresses that it has here: start either of the two',
  );
  const [tar, image, yaml] = [METADATA, DISK, config].map((file) => shellPath(join(folder, file)));
  return {
    artifacts: [METADATA, DISK, config],
    commands: [
      `incus image import ${tar ?? ''} ${image ?? ''} --alias ${name}`,
      `incus init ${name} ${name} --vm < ${yaml ?? ''}`,
      `incus start ${name}`,
    ],
  };
}

async function metadataOf({ name, image }: Departing): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const tar = new TarWriter((bytes) => {
    pieces.push(Buffer.from(bytes));
    return Promise.resolve();
  });
  const metadata = {
    architecture: qemuTarget().arch,
    creation_date: Math.floor(Date.now() / 1000),
    properties: {
      description: `${name} of multipass-ts`,
      name,
      os: image.os === '' ? 'Linux' : image.os,
      release: image.release === '' ? 'unknown' : image.release,
    },
  };
  await tar.add('metadata.yaml', Buffer.from(toYaml(metadata)));
  await tar.end();
  return Buffer.concat(pieces);
}

function configOf(departing: Departing) {
  const { spec } = departing;
  const cards = spec.interfaces.map(({ mac, network }, index) => [
    `eth${index}`,
    {
      type: 'nic',
      name: `eth${index}`,
      ...(network === null ? { network: 'incusbr0' } : { nictype: 'bridged', parent: network }),
      hwaddr: mac.toString(),
    },
  ]);
  return {
    config: {
      'limits.cpu': String(spec.cpus),
      'limits.memory': `${Math.floor(spec.memory / 1024 ** 2)}MiB`,
      'security.secureboot': 'false',
      'security.csm': 'true',
      'cloud-init.user-data': documentOf(departing, 'user-data'),
      'cloud-init.vendor-data': documentOf(departing, 'vendor-data'),
      'cloud-init.network-config': documentOf(departing, 'network-config'),
    },
    devices: {
      root: { type: 'disk', path: '/', pool: 'default', size: `${spec.disk}B` },
      'cloud-init': { type: 'disk', source: 'cloud-init:config' },
      ...(Object.fromEntries(cards) as Record<string, object>),
    },
  };
}
