import { lstat, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, type MultipassError } from '../../errors.js';
import { decodeLegacyImage, type LegacyImage, readImageDatabase } from './image-database.js';
import { statLegacy, unlessAbsent } from './legacy-file.js';
import type { LegacyRoot } from './roots.js';
import { type LegacySnapshots, readLegacySnapshots } from './snapshot-files.js';
import { decodeLegacySpec, type LegacySpec, readSpecDatabase } from './spec-database.js';

/** Everything that a legacy root has under one name: at least one of folder, spec and image. */
export interface LegacyInstance {
  /** As found, unchecked: it may be no valid name of an instance. */
  readonly name: string;
  /** Its folder in the vault, links resolved; null when there is none. */
  readonly folder: string | null;
  /** True when its name in the vault is a link to that folder, which may be another one's as well. */
  readonly isLink: boolean;
  readonly spec: LegacySpec | null;
  readonly image: LegacyImage | null;
  readonly snapshots: Omit<LegacySnapshots, 'warnings'>;
  /** Why its files must not be taken, as far as they were looked at; null when nothing speaks against it. */
  readonly fault: MultipassError | null;
  /** What was wrong in its records, and what was made of it. */
  readonly warnings: readonly string[];
}

/** What a legacy root holds. */
export interface LegacyInstances {
  /** By name. */
  readonly instances: readonly LegacyInstance[];
  /** What is wrong with the databases themselves. */
  readonly problems: readonly string[];
}

const NO_SNAPSHOTS: LegacySnapshots = { snapshots: [], head: null, count: null, warnings: [] };

/**
 * Reads all instances of a legacy root: the union of the names in both databases and of the folders in the vault, so
 * that neither a lost database nor a lost folder hides the rest.
 * @throws MultipassError LEGACY_INVALID for a database that is no regular file; PERMISSION_DENIED, IO_ERROR; never
 *   because of what the files hold
 */
export async function readLegacyInstances(root: LegacyRoot): Promise<LegacyInstances> {
  const specs = readSpecDatabase(root);
  const images = readImageDatabase(root);
  const folders = await readFolders(join(root.dataDir, 'vault', 'instances'));
  const names = new Set([...specs.entries.keys(), ...images.entries.keys(), ...folders.keys()]);
  const instances: LegacyInstance[] = [];
  for (const name of [...names].sort()) {
    const warnings: string[] = [];
    const { folder, isLink } = folders.get(name) ?? { folder: null, isLink: false };
    const { entries: specOf } = specs;
    const { entries: imageOf } = images;
    const { fault, ...read } = await snapshotsOf(folder);
    const { warnings: about, ...snapshots } = read;
    instances.push({
      name,
      folder,
      isLink,
      spec: specOf.has(name) ? decodeLegacySpec(specOf.get(name), warnings) : null,
      image: imageOf.has(name) ? decodeLegacyImage(imageOf.get(name), warnings) : null,
      snapshots,
      fault,
      warnings: [...warnings, ...about],
    });
  }
  const problems = [specs.problem, images.problem].filter((problem) => problem !== null);
  return { instances, problems };
}

/** One folder with a FIFO in it must not keep the others from coming over. */
async function snapshotsOf(
  folder: string | null,
): Promise<LegacySnapshots & Pick<LegacyInstance, 'fault'>> {
  if (folder === null) return { ...NO_SNAPSHOTS, fault: null };
  try {
    return { ...(await readLegacySnapshots(folder)), fault: null };
  } catch (error) {
    if (!hasCode(error, 'LEGACY_INVALID')) throw error;
    return { ...NO_SNAPSHOTS, fault: error };
  }
}

/**
 * The private key of all instances of a legacy root; null when there is none.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR
 */
export async function legacyKeyPath(root: LegacyRoot): Promise<string | null> {
  const path = join(root.multipassdDir, 'ssh-keys', 'id_rsa');
  return (await statLegacy(path))?.isFile() === true ? path : null;
}

interface VaultFolder {
  readonly folder: string;
  readonly isLink: boolean;
}

/** The folders of the vault by their names, which never come from a database: those may hold anything. */
async function readFolders(vault: string): Promise<Map<string, VaultFolder>> {
  const folders = new Map<string, VaultFolder>();
  for (const name of (await unlessAbsent(vault, readdir(vault))) ?? []) {
    const path = join(vault, name);
    if ((await statLegacy(path))?.isDirectory() !== true) continue;
    const real = await unlessAbsent(path, realpath(path));
    if (real === null) continue;
    const isLink = (await unlessAbsent(path, lstat(path)))?.isSymbolicLink() === true;
    folders.set(name, { folder: real, isLink });
  }
  return folders;
}
