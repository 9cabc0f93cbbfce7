import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MultipassError, hasCode } from '../../errors.js';
import { absolutePath } from '../../files/absolute-path.js';
import { isAbsence, legacyError, statLegacy, unlessAbsent } from './legacy-file.js';
import type { HostEnvironment } from '../storage-root.js';
import { legacyPlaces, type LegacyPlace, siblingCache } from './places.js';

/** Where one backend of a multipassd keeps its instances. */
export interface LegacyRoot {
  /** The folder that has `multipassd-vm-instances.json` and `vault/`. */
  readonly dataDir: string;
  /** The daemon's own folder, which has `ssh-keys/`: `dataDir`, or its parent where there is a backend folder. */
  readonly multipassdDir: string;
  /** What belongs to `dataDir` in the cache; null when there is no such folder. */
  readonly cacheDir: string | null;
  /** The backend folder's name: `qemu`, …; '' where there is none, as on Linux. */
  readonly backend: string;
}

/** The database of specs; a folder that has it, or a vault, is a data folder. */
export const SPEC_DATABASE = 'multipassd-vm-instances.json';

/** The folders that a multipassd puts between its own folder and an instance database. */
const BACKENDS = ['qemu', 'virtualbox', 'applevz', 'lxd', 'hyperkit', 'hyperv'];

/**
 * Looks for legacy data in every place where a multipassd may have it. A place that this user may not look into is
 * passed over.
 */
export async function findLegacyRoots(host: HostEnvironment): Promise<LegacyRoot[]> {
  const roots: LegacyRoot[] = [];
  for (const place of legacyPlaces(host)) {
    try {
      roots.push(...(await rootsAt(place)));
    } catch (error) {
      if (!hasCode(error, 'PERMISSION_DENIED')) throw error;
    }
  }
  return distinct(roots);
}

/**
 * The legacy roots that a folder given by the user stands for: a storage root (`data/`, `data/multipassd`), a
 * multipassd's data folder with or without backend folders, one backend folder of it, or the folder that has
 * `multipassd/`. Links are followed.
 *
 * @throws MultipassError LEGACY_NOT_FOUND, PERMISSION_DENIED, IO_ERROR
 */
export async function resolveLegacyRoot(dir: string): Promise<LegacyRoot[]> {
  const places = placesUnder(await existing(dir));
  const roots: LegacyRoot[] = [];
  for (const place of places) roots.push(...(await rootsAt(place)));
  if (roots.length === 0) throw notFound(dir, places);
  return distinct(roots);
}

function placesUnder(dir: string): LegacyPlace[] {
  return [
    // A backend's own folder: the keys are in its parent.
    ...(BACKENDS.includes(basename(dir)) ? [placeOf(dirname(dir), [basename(dir)])] : []),
    placeOf(dir),
    { data: join(dir, 'data'), cache: join(dir, 'cache') },
    { data: join(dir, 'data', 'multipassd'), cache: join(dir, 'cache', 'multipassd') },
    placeOf(join(dir, 'multipassd')),
  ];
}

function placeOf(data: string, backends?: readonly string[]): LegacyPlace {
  return { data, cache: siblingCache(data), ...(backends === undefined ? {} : { backends }) };
}

/** The roots in one data folder: of the folder itself and of its backend folders. */
async function rootsAt({ data, cache, backends = ['', ...BACKENDS] }: LegacyPlace) {
  const roots: LegacyRoot[] = [];
  for (const backend of backends) {
    const dataDir = join(data, backend);
    if (!(await isDataDir(dataDir))) continue;
    const cacheDir = cache === null ? null : join(cache, backend);
    const hasCache = cacheDir !== null && (await statLegacy(cacheDir))?.isDirectory() === true;
    roots.push({ dataDir, multipassdDir: data, cacheDir: hasCache ? cacheDir : null, backend });
  }
  return roots;
}

async function isDataDir(dir: string): Promise<boolean> {
  if ((await statLegacy(join(dir, 'vault')))?.isDirectory() === true) return true;
  return (await statLegacy(join(dir, SPEC_DATABASE)))?.isFile() === true;
}

async function distinct(roots: readonly LegacyRoot[]): Promise<LegacyRoot[]> {
  const byRealPath = new Map<string, LegacyRoot>();
  for (const root of roots) {
    const real = (await unlessAbsent(root.dataDir, realpath(root.dataDir))) ?? root.dataDir;
    if (!byRealPath.has(real)) byRealPath.set(real, root);
  }
  return [...byRealPath.values()];
}

async function existing(dir: string): Promise<string> {
  try {
    return await realpath(absolutePath(dir));
  } catch (error) {
    if (!isAbsence(error)) throw legacyError(error, dir);
    throw new MultipassError('LEGACY_NOT_FOUND', `there is no folder "${dir}"`, {
      hint: 'Name the folder that MULTIPASS_STORAGE names, or the data folder of multipassd.',
      details: { path: dir },
      cause: error,
    });
  }
}

function notFound(dir: string, places: readonly LegacyPlace[]): MultipassError {
  const looked = places.map(({ data, backends = [''] }) => join(data, backends[0] ?? ''));
  const list = [...new Set(looked)].map((path) => `"${path}"`).join(', ');
  return new MultipassError('LEGACY_NOT_FOUND', `no data of multipassd in "${dir}"`, {
    hint:
      `Name a folder that has vault/ or ${SPEC_DATABASE}; ` +
      `looked in ${list}, and there in ${BACKENDS.join(', ')}.`,
    details: { path: dir, looked },
  });
}
