import { parseGuestYaml } from '../../yaml.js';
import { streamArchitecture } from '../images/architecture.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { titleOf } from './describe-name.js';
import { MOST_CPUS, MOST_MEMORY, wholeNumber, type ForeignMachine } from './foreign-machine.js';
import type { Members } from './members.js';
import { plainYaml, record, textIn } from './plain-yaml.js';

const METADATA = 'metadata.yaml';
const BACKUP = { index: 'backup/index.yaml', disk: 'backup/virtual-machine.img' };
const DISKS = ['rootfs.img', 'disk.qcow2', 'rootfs.qcow2'];
const LARGEST = 512 * 1024;

/** The names that Incus and LXD have for what image servers call `amd64` and `arm64`. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  amd64: 'amd64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** Whether files are those of an image of Incus or LXD, in one archive. */
export function isIncusImage({ names }: Members): boolean {
  return names.has(METADATA) && (DISKS.some((disk) => names.has(disk)) || hasRootfs(names));
}

/** Whether files are those of a backup of Incus or LXD. */
export function isIncusBackup({ names }: Members): boolean {
  return names.has(BACKUP.index);
}

function hasRootfs(names: ReadonlySet<string>): boolean {
  return [...names].some((name) => name.startsWith('rootfs/') || name === 'rootfs.squashfs');
}

/**
 * Reads an image of a virtual machine of Incus or LXD: a `metadata.yaml`, and a disk in the same archive or beside it.
 * @param disk where its disk is, if not among the members
 * @throws MultipassError ARTIFACT_INVALID, DISK_FULL, ABORTED
 */
export async function readIncusImage(members: Members, disk?: string): Promise<ForeignMachine> {
  const { origin, names } = members;
  const metadata = await metadataOf(members, METADATA);
  const architecture = textIn(metadata, 'architecture') ?? '';
  requireArchitecture(architecture, origin);
  const properties = record(metadata['properties']);
  const name = DISKS.find((one) => names.has(one));
  if (disk === undefined && name === undefined) {
    throw artifactInvalid(origin, 'it is the image of a container: it has no disk', CONTAINER);
  }
  const notes = new LossNotes();
  if (record(metadata['templates'])['/etc/hostname'] !== undefined) {
    notes.lose('templates', 'files that its engine writes', 'cloud-init, which has its own');
  }
  notes.keep('architecture', architecture === '' ? 'not told' : architecture);
  const path = disk ?? (await members.path(name ?? ''));
  return {
    kind: 'incus',
    title: textIn(properties, 'name') ?? titleOf(origin),
    cpus: null,
    memory: null,
    disk: { path, origin: disk ?? `${origin}: ${name ?? ''}`, layer: null },
    user: null,
    os: textIn(properties, 'os') ?? '',
    release: textIn(properties, 'release') ?? '',
    notes,
  };
}

const CONTAINER = 'Take the image of a virtual machine: `incus image export … --vm`.';

/**
 * Reads a backup of a virtual machine that `incus export` or `lxc export` wrote.
 * @throws MultipassError ARTIFACT_INVALID, DISK_FULL, ABORTED
 */
export async function readIncusBackup(members: Members): Promise<ForeignMachine> {
  const { origin, names } = members;
  const index = await metadataOf(members, BACKUP.index);
  if (!names.has(BACKUP.disk)) {
    throw artifactInvalid(
      origin,
      'it has no disk of a virtual machine',
      'Export it again, without `--optimized-storage`, and a virtual machine: a container is none.',
    );
  }
  const instance = record(
    record(index['config'])['instance'] ?? record(index['config'])['container'],
  );
  const config = record(instance['config']);
  const architecture = textIn(instance, 'architecture') ?? '';
  requireArchitecture(architecture, origin);
  const notes = new LossNotes();
  const snapshots = Array.isArray(index['snapshots']) ? index['snapshots'].length : 0;
  if (snapshots > 0) {
    notes.lose('snapshots', `${snapshots}`, 'publish each as an image, and import that');
  }
  const devices = Object.keys(record(instance['devices'])).filter((name) => name !== 'root');
  for (const name of devices.slice(0, 20)) {
    notes.lose('device', name.slice(0, 80), 'see `multipass set`, `mount` and `forward`');
  }
  return {
    kind: 'incus-backup',
    title: textIn(index, 'name') ?? titleOf(origin),
    cpus: wholeNumber(config['limits.cpu'], 1, MOST_CPUS),
    memory: memoryOf(textIn(config, 'limits.memory')),
    disk: { path: await members.path(BACKUP.disk), origin, isRaw: true, layer: null },
    user: null,
    os: textIn(config, 'image.os') ?? '',
    release: textIn(config, 'image.release') ?? '',
    notes,
  };
}

async function metadataOf(
  members: Members,
  name: string,
): Promise<Readonly<Record<string, unknown>>> {
  const text = (await members.read(name, LARGEST)).toString('utf8');
  try {
    return record(plainYaml(parseGuestYaml(text)));
  } catch (error) {
    throw artifactInvalid(
      members.origin,
      `its "${name}" cannot be read: ${(error as Error).message}`,
    );
  }
}

function requireArchitecture(said: string, origin: string): void {
  const known = Object.hasOwn(ARCHITECTURES, said) ? ARCHITECTURES[said] : said;
  if (said === '' || known === streamArchitecture()) return;
  throw artifactInvalid(origin, `it is for ${said}, and this host is ${streamArchitecture()}`);
}

const UNITS: Readonly<Record<string, number>> = {
  MB: 1e6,
  GB: 1e9,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

function memoryOf(text: string | null): number | null {
  const [, number = '', unit = ''] = /^([0-9]{1,9})(MB|GB|MiB|GiB)$/.exec(text ?? '') ?? [];
  if (number === '') return null;
  return wholeNumber(Math.floor(Number(number) * (UNITS[unit] ?? 1)), 1, MOST_MEMORY);
}
