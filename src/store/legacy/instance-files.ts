import { readdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { statLegacy, unlessAbsent } from './legacy-file.js';

/** The files of a legacy instance that count. */
export interface LegacyFiles {
  /** The disk; null when there is none, or when only its contents can tell which of the candidates it is. */
  readonly disk: string | null;
  /** The cloud-init ISO; null when there is none. */
  readonly seed: string | null;
  /** Every file in the folder that may be a disk. */
  readonly candidates: readonly string[];
}

const SEED = 'cloud-init-config.iso';

/** What Multipass keeps beside the disk; while being written, with a random suffix. */
const BOOKKEEPING = /^snapshot-(?:head|count)(?:\.\w+)?$|\.(?:json|lock)(?:\.\w+)?$/;

/**
 * Finds an instance's disk and seed by name; links are followed. The disk is the recorded one in the instance's own
 * folder (so that a moved vault works), else the recorded one elsewhere, else the only file it can be.
 *
 * @param folder the instance's folder, or null when there is none
 * @param imagePath the path in its image record, or null when that is unknown
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR
 */
export async function findLegacyFiles(
  folder: string | null,
  imagePath: string | null,
): Promise<LegacyFiles> {
  const files = folder === null ? [] : await regularFiles(folder);
  const candidates = files.filter((path) => !isBookkeeping(basename(path)));
  const disk =
    candidates.find((path) => imagePath !== null && basename(path) === basename(imagePath)) ??
    (await fileElsewhere(imagePath)) ??
    (candidates.length === 1 ? candidates[0] : undefined) ??
    null;
  const ownSeed = files.find((path) => basename(path) === SEED);
  const seed = ownSeed ?? (disk === null ? null : await fileElsewhere(join(dirname(disk), SEED)));
  return { disk, seed, candidates };
}

function isBookkeeping(name: string): boolean {
  return name === SEED || BOOKKEEPING.test(name);
}

async function regularFiles(folder: string): Promise<string[]> {
  const names = (await unlessAbsent(folder, readdir(folder))) ?? [];
  const paths = names.sort().map((name) => join(folder, name));
  const stats = await Promise.all(paths.map(statLegacy));
  return paths.filter((_, at) => stats[at]?.isFile() === true);
}

async function fileElsewhere(path: string | null): Promise<string | null> {
  if (path === null || !isAbsolute(path)) return null;
  return (await statLegacy(path))?.isFile() === true ? path : null;
}
