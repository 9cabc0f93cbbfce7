import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, fromSystemError } from '../errors.js';
import { syncPath } from './sync.js';

/** Where something is made before it gets its place. */
export interface DraftOptions {
  /**
   * Where it is made: on the file system of its place, under a name that nobody else uses. Default, for a file whose
   * writers are kept apart by the caller: beside it as `<file>.new`, where what a killed writer left is removed first.
   */
  readonly draft?: string | undefined;
  /** What is being done, for the message of an error: `write the seed`. Default: `write`. */
  readonly doing?: string | undefined;
}

/**
 * Puts a file, for its owner alone, in the place of what is there: after a kill or a power cut it is the old one or
 * the new one, and once this returns it is the new one.
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR; before the rename the old file is
 *   still there, and no draft
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  options: DraftOptions = {},
): Promise<void> {
  const { draft = `${path}.new`, doing = 'write' } = options;
  try {
    if (options.draft === undefined) await rm(draft, { force: true });
    await writeDraft(draft, content);
    await moveDurably(draft, path);
  } catch (error) {
    throw fromSystemError(error, doing, path);
  }
}

/** The draft is exclusive: one that was there is not ours to remove. */
async function writeDraft(draft: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(draft, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await removeDraft(draft);
    throw error;
  }
}

/**
 * Renames a file whose content is durable over what is at `path`, durably. When it cannot be renamed, it is removed.
 * @throws the system's own error, MultipassError from the syncing
 */
export async function moveDurably(draft: string, path: string): Promise<void> {
  try {
    await rename(draft, path);
  } catch (error) {
    await removeDraft(draft);
    throw error;
  }
  await syncPath(dirname(path));
}

/** What {@link createFile} needs besides the place. */
export interface CreateOptions {
  readonly draft: string;
  readonly doing: string;
  /** Writes the file at the path of the draft; it need not sync it. */
  readonly make: (draft: string) => Promise<unknown>;
}

/**
 * Makes a file that is not there yet, whole and durable. Safe among processes: who comes second leaves the first one's
 * file as it is.
 * @returns false when somebody was faster
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR; what `make` throws
 */
export async function createFile(path: string, options: CreateOptions): Promise<boolean> {
  const { draft, doing, make } = options;
  try {
    await make(draft);
    await syncPath(draft);
    const isFirst = await link(draft, path).then(
      () => true,
      (error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
        return false;
      },
    );
    // The first one may not have come to it.
    await syncPath(dirname(path));
    return isFirst;
  } catch (error) {
    throw fromSystemError(error, doing, path);
  } finally {
    await removeDraft(draft);
  }
}

/** What {@link withDraftFolder} makes a folder for. */
export interface DraftFolderOptions {
  /** What is being done, and to which path, for the message of an error. */
  readonly doing: string;
  readonly path: string;
}

/**
 * Makes a folder, for its owner alone, and lets `work` fill it and rename it, or what is in it, to its place; what is
 * left of it then is removed, whether or not that failed. Syncing is for `work` to do.
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR; what `work` throws
 */
export async function withDraftFolder<T>(
  folder: string,
  options: DraftFolderOptions,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  try {
    await mkdir(folder, { mode: 0o700 });
    try {
      return await work(folder);
    } finally {
      await removeDraft(folder);
    }
  } catch (error) {
    throw fromSystemError(error, options.doing, options.path);
  }
}

/** What `rename` says of a place that has a folder with something in it, a file, or a link. */
const OCCUPIED = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR']);

/** True for the error of a `rename` of a folder to a place where there is something. */
export function isOccupied(error: unknown): boolean {
  return OCCUPIED.has(errnoOf(error) ?? '');
}

/** What cannot be removed is swept later; the error that led here says more. */
async function removeDraft(draft: string): Promise<void> {
  await rm(draft, { recursive: true, force: true }).catch(() => undefined);
}
