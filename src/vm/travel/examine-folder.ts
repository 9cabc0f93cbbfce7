import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { basename, join } from 'node:path';
import { fromSystemError, MultipassError } from '../../errors.js';
import { BASE_FILE, INSTANCE_FILES } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { artifactInvalid } from './artifact-error.js';

/** An instance's folder outside of the store, every name in which was looked at. */
export interface ExaminedFolder {
  /** Absolute, without links in it. */
  readonly path: string;
  /** Of its bases. */
  readonly bases: readonly string[];
  /** What else is in it that is nothing of an instance's, and so is not taken. */
  readonly others: readonly string[];
}

/** What an instance's folder has to have. */
const NEEDED = [INSTANCE_FILES.spec, INSTANCE_FILES.imageRecord, INSTANCE_FILES.disk];
const FILES = new Set<string>([...NEEDED, INSTANCE_FILES.seed, INSTANCE_FILES.lock]);
/** Of one moment of the instance's life: nothing of it is opened but to tell whether it is over. */
const OF_ITS_LIFE = new Set<string>([
  INSTANCE_FILES.pending,
  INSTANCE_FILES.newDisk,
  INSTANCE_FILES.memory,
  INSTANCE_FILES.ram,
  INSTANCE_FILES.devices,
]);
const FOLDERS = new Set<string>([INSTANCE_FILES.snapshots, INSTANCE_FILES.run]);
/** Far more than any instance has. */
const MOST_ENTRIES = 20_000;

/** Whether a folder has what the folder of an instance has. */
export function looksLikeInstance(path: string): boolean {
  return NEEDED.every((name) => lstatSync(join(path, name), { throwIfNoEntry: false }));
}

/**
 * Looks at every name in an instance's folder that somebody has copied by hand, and opens none of them: what an
 * instance is made of has to be regular files, in real folders, of whoever asks for it.
 * @throws MultipassError ARTIFACT_INVALID naming what is a link, a socket, a device or somebody else's;
 *   INVALID_ARGUMENT for a folder of this store; IO_ERROR, PERMISSION_DENIED
 */
export function examineFolder(layout: StoreLayout, given: string): ExaminedFolder {
  try {
    const path = realpathSync(given);
    requireOutside(layout, path);
    requireOurs(path, { origin: path, what: 'it', stats: lstatSync(path) });
    const names = namesIn(path, path);
    for (const name of names) examineEntry(path, name);
    const snapshots = names.includes(INSTANCE_FILES.snapshots)
      ? namesIn(join(path, INSTANCE_FILES.snapshots), path)
      : [];
    for (const name of snapshots) requireFile(path, join(INSTANCE_FILES.snapshots, name));
    const bases = names.filter((name) => BASE_FILE.test(name));
    return { path, bases, others: names.filter((name) => !isKnown(name)) };
  } catch (error) {
    throw fromSystemError(error, 'adopt the folder', given);
  }
}

function isKnown(name: string): boolean {
  return FILES.has(name) || OF_ITS_LIFE.has(name) || FOLDERS.has(name) || BASE_FILE.test(name);
}

function examineEntry(path: string, name: string): void {
  if (FILES.has(name) || OF_ITS_LIFE.has(name) || BASE_FILE.test(name)) requireFile(path, name);
  else if (FOLDERS.has(name)) requireFolder(path, name);
}

function requireFile(path: string, name: string): void {
  const stats = lstatSync(join(path, name));
  const what = `its ${JSON.stringify(name)}`;
  if (!stats.isFile()) throw artifactInvalid(path, `${what} is ${kindOf(stats)}`, AS_IT_WAS);
  requireOurs(path, { origin: path, what, stats });
}

function requireFolder(path: string, name: string): void {
  const stats = lstatSync(join(path, name));
  const what = `its ${JSON.stringify(name)}`;
  if (!stats.isDirectory()) throw artifactInvalid(path, `${what} is ${kindOf(stats)}`, AS_IT_WAS);
  requireOurs(path, { origin: path, what, stats });
}

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isDirectory()) return 'a folder';
  return stats.isFile() ? 'a file' : 'neither a file nor a folder';
}

const AS_IT_WAS = 'Copy the folder as it was, with `cp -a`: links are not followed.';

/** Who may write to it could put something else there meanwhile. */
function requireOurs(
  path: string,
  {
    origin,
    what,
    stats,
  }: { readonly origin: string; readonly what: string; readonly stats: Stats },
): void {
  const own = process.getuid?.();
  if (own === undefined || stats.uid === own) return;
  throw artifactInvalid(
    origin,
    `${what} belongs to another user (uid ${stats.uid})`,
    `Copy it as yourself, with \`cp -r\`, and adopt the copy of ${JSON.stringify(basename(path))}.`,
  );
}

function namesIn(folder: string, origin: string): string[] {
  const names = readdirSync(folder);
  if (names.length <= MOST_ENTRIES) return names.sort();
  throw artifactInvalid(origin, `it has ${names.length} entries`);
}

function requireOutside(layout: StoreLayout, path: string): void {
  const root = realpathSync(layout.root);
  if (path !== root && !path.startsWith(`${root}/`)) return;
  throw new MultipassError('INVALID_ARGUMENT', `"${path}" is in this store`, {
    hint: `What is in "${layout.instances}" is adopted by its name, or exported.`,
    details: { path },
  });
}
