import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError, hasCode } from '../../errors.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import type { StoreLayout } from '../../store/layout.js';
import { isOwnToken, makerState, newToken } from '../../store/maker-token.js';

const PART = '.part';
const LOCK = '.lock';

/** A file that is being filled, or its lock: the key, and for a file what was drawn for it. */
const FILE = /^([A-Za-z0-9_-]{1,128})(?:\.[0-9a-f]{16})?\.(?:part|lock)$/;

/**
 * The place in `downloads/` where one image comes in: `<key>.<random>.part`, and beside it `<key>.lock`, whose kernel
 * lock the only process has that may write there, or prepare the image of that key. Whoever is killed leaves both; the
 * next one goes on with them. A server has a say in the key, but nobody knows the whole name beforehand, so nothing
 * that is downloaded can name its own file, or another one.
 */
export class DownloadPlace {
  /** The file that is being filled; it may be absent. */
  readonly part: string;
  readonly #lock: string;
  readonly #handle: FileHandle | undefined;

  private constructor(part: string, lock: string, handle: FileHandle | undefined) {
    this.part = part;
    this.#lock = lock;
    this.#handle = handle;
  }

  /**
   * Waits until nobody else has it. Without flock(1) nothing is shared: each process has its own file.
   * @throws MultipassError ABORTED, PERMISSION_DENIED, IO_ERROR
   */
  static async take(
    layout: StoreLayout,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<DownloadPlace> {
    for (;;) {
      const place = await DownloadPlace.#open(layout, key, { wait: true, signal });
      if (place !== undefined) return place;
    }
  }

  /** The same without waiting: undefined while somebody has it. */
  static async takeNow(layout: StoreLayout, key: string): Promise<DownloadPlace | undefined> {
    return await DownloadPlace.#open(layout, key, { wait: false });
  }

  static async #open(
    layout: StoreLayout,
    key: string,
    options: { wait: boolean; signal?: AbortSignal | undefined },
  ): Promise<DownloadPlace | undefined> {
    const lock = join(layout.downloads, key + LOCK);
    try {
      const handle = await takeKernelLock(lock, { mode: 'exclusive', ...options });
      if (handle === undefined) return undefined;
      const part = (await partsOf(layout, key)).find(isDrawn) ?? newName(key);
      return new DownloadPlace(join(layout.downloads, part), lock, handle);
    } catch (error) {
      if (!hasCode(error, 'TOOL_MISSING')) throw error;
      const own = `${key}@${newToken()}${PART}`;
      return new DownloadPlace(join(layout.downloads, own), lock, undefined);
    }
  }

  /** Removes what has come. */
  async clear(): Promise<void> {
    await rm(this.part, { force: true });
  }

  /** Lets the next one in. Its lock file goes while we hold it: who waits for it notices, and makes another. */
  async release(): Promise<void> {
    await rm(this.#lock, { force: true });
    if (this.#handle === undefined) await this.clear();
    await this.#handle?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/** Removes every download that nobody is at, finished or not. */
export async function removeDownloads(layout: StoreLayout): Promise<void> {
  const files = await readdir(layout.downloads).catch((): string[] => []);
  const keys = new Set(files.flatMap((file) => keyOf(file) ?? []));
  for (const key of keys) {
    await using place = await DownloadPlace.takeNow(layout, key);
    if (place === undefined) continue;
    for (const file of await partsOf(layout, key)) {
      await rm(join(layout.downloads, file), { force: true });
    }
  }
  for (const file of files) {
    const token = /@(.+)\.part$/.exec(file)?.[1];
    if (token === undefined || isOwnToken(token) || makerState(token) !== 'dead') continue;
    await rm(join(layout.downloads, file), { force: true });
  }
}

function newName(key: string): string {
  return `${key}.${randomBytes(8).toString('hex')}${PART}`;
}

/** Whether nobody could know the name beforehand: not so with those of an earlier version. */
function isDrawn(part: string): boolean {
  return part.split('.').length === 3;
}

/** The files of a key that have been begun. */
async function partsOf(layout: StoreLayout, key: string): Promise<string[]> {
  try {
    const files = await readdir(layout.downloads);
    return files.filter((file) => file.endsWith(PART) && keyOf(file) === key);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, 'read', layout.downloads);
  }
}

/** The key of a download's file; undefined for a file of any other kind. */
export function keyOf(file: string): string | undefined {
  return FILE.exec(file)?.[1];
}
