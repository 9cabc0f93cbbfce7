import { lstatSync } from 'node:fs';
import { fromSystemError, MultipassError } from '../../errors.js';
import { readRegularFile } from '../../files/regular-file.js';
import { retargetMetaData } from '../../net/meta-data.js';
import { retargetNetworkConfig, type InterfaceChange } from '../../net/network-config.js';
import { SeedDocument } from '../../net/seed-document.js';
import { EMPTY_CONFIG } from './empty-config.js';
import { withIdentityHook } from './identity-hook.js';
import { readIso, type IsoFile } from './iso9660-reader.js';
import { writeIso } from './iso9660-writer.js';

/** The four files of Multipass's NoCloud seed, in the order it writes them. */
const SEED_FILES = ['meta-data', 'vendor-data', 'user-data', 'network-config'] as const;

/** What a seed says about who the machine is. */
export interface SeedIdentity {
  /** cloud-init's instance-id: one never used before makes it run its per-instance modules again. */
  readonly instanceId: string;
  readonly hostname: string;
  readonly interfaces: readonly InterfaceChange[];
  /** True for a copy of a machine: it gets the hook that makes its machine-id new, when its seed has none yet. */
  readonly isCopy?: boolean;
  /** True: static addresses of the network-config give way to DHCP. */
  readonly resetAddresses?: boolean;
}

/** The files of a seed ISO. */
export type Seed = readonly IsoFile[];

/** Largest seed that is read: cloud-init's own limit for user-data on any cloud is far below. */
const LARGEST_SEED = 64 * 1024 * 1024;

/**
 * Reads the seed of an instance.
 * @returns null when there is none
 * @throws MultipassError ISO_INVALID for a file that is no such ISO, SEED_INVALID for one that we could not write back
 */
export function readSeed(path: string): Seed | null {
  const image = readSeedImage(path);
  if (image === null) return null;
  const { files, directories } = readIso(image, path);
  if (directories.length > 0) {
    throw new MultipassError(
      'SEED_INVALID',
      `"${path}" has folders (${directories.join(', ')}), which a seed has not`,
      { hint: 'Make the seed again with its files in the root folder.', details: { path } },
    );
  }
  return files;
}

/**
 * The seed with another identity: `instance-id`, `local-hostname`, and the MAC of every interface, in whatever
 * generation of network-config it has. Everything else is byte-identical, user-data always, and vendor-data unless a
 * copy's has no hook yet. A seed that is missing, or a file in it, is made in Multipass's 1.15 shape.
 * @returns the ISO image and its files, and what could not be changed
 * @throws MultipassError SEED_INVALID naming the file and the place
 */
export function retargetSeed(
  seed: Seed | null,
  identity: SeedIdentity,
  path: string,
): { image: Buffer; files: Seed; warnings: string[] } {
  const texts = new Map((seed ?? []).map((file) => [file.name, file.data]));
  const textOf = (name: string): string | null => texts.get(name)?.toString('utf8') ?? null;
  const metaData = retargetMetaData(textOf('meta-data'), identity, `${path}:meta-data`);
  const network = retargetNetworkConfig(
    textOf('network-config'),
    identity,
    `${path}:network-config`,
  );
  const changed = new Map<string, Buffer>([
    ['meta-data', Buffer.from(metaData)],
    ['network-config', Buffer.from(network.text)],
  ]);
  if (identity.isCopy === true) {
    const hooked = withIdentityHook(texts.get('vendor-data') ?? null);
    if (hooked !== null) changed.set('vendor-data', hooked);
  }
  const missing = seed === null ? [`"${path}" is missing: a new seed was made`] : [];
  const files = inOrder(texts, changed);
  return { image: writeIso(files), files, warnings: [...missing, ...network.warnings] };
}

/**
 * The seed at a path with another `local-hostname`, for a start after the instance's folder was renamed. All else is
 * kept, the instance-id too, so that to cloud-init it is the same machine.
 * @returns the ISO image; null when there is nothing to write: the name is right, or there is no seed, or no meta-data
 * @throws MultipassError ISO_INVALID, SEED_INVALID naming the file and the place
 */
export function withHostname(path: string, hostname: string): Buffer | null {
  const files = readSeed(path) ?? [];
  const metaData = files.find(({ name }) => name === 'meta-data');
  if (metaData === undefined) return null;
  const document = SeedDocument.parse(metaData.data.toString('utf8'), `${path}:meta-data`);
  if (document.root.text('local-hostname') === hostname) return null;
  document.root.set('local-hostname', hostname);
  const data = Buffer.from(document.toString());
  return writeIso(files.map((file) => (file === metaData ? { name: file.name, data } : file)));
}

/** Keeps the order that the files had; what is new comes where Multipass has it. */
function inOrder(
  old: ReadonlyMap<string, Buffer>,
  changed: ReadonlyMap<string, Buffer>,
): IsoFile[] {
  const empty = Buffer.from(EMPTY_CONFIG);
  const names = new Set([...(old.size === 0 ? SEED_FILES : old.keys()), ...changed.keys()]);
  return [...names].map((name) => ({
    name,
    data: changed.get(name) ?? old.get(name) ?? empty,
  }));
}

/**
 * The bytes of a seed; null when there is none. A link is not followed, and a FIFO does not make it wait.
 * @throws MultipassError SEED_INVALID when it is no regular file, or too large; PERMISSION_DENIED, IO_ERROR
 */
export function readSeedImage(path: string): Buffer | null {
  const unfit = (problem: string): MultipassError =>
    new MultipassError('SEED_INVALID', `"${path}" is ${problem}`, {
      hint: 'Put back the cloud-init-config.iso that the instance was made with.',
      details: { path },
    });
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return null;
    if (!stats.isFile()) throw unfit('not a regular file');
    return readRegularFile(path, { largest: LARGEST_SEED, unfit });
  } catch (error) {
    throw fromSystemError(error, 'read the seed', path);
  }
}
