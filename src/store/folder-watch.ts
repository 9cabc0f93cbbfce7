import { statSync, watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';

/** A watch is one of an inode: what has got the name since is not watched. */
interface Watched {
  readonly watcher: FSWatcher;
  readonly inode: bigint;
}

/**
 * Folders that the kernel watches (inotify): it tells that something in them has changed, and no more. A folder that is
 * not there, or that cannot be watched because the user has too many watches, is tried again at every call.
 */
export class FolderWatch implements Disposable {
  readonly #watchers = new Map<string, Watched>();
  readonly #signal: AbortSignal | undefined;
  readonly #ring = (): void => {
    this.#hasHeard = true;
    this.#wake();
  };
  #wake: () => void = () => undefined;
  #hasHeard = false;

  /** True when one of the folders that exist cannot be watched, as far as is known. */
  isIncomplete = false;

  /** @param signal wakes who waits */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#ring, { once: true });
  }

  /** Forgets what was heard: from here on counts what comes. */
  listen(): void {
    this.#hasHeard = false;
  }

  /**
   * Watches these folders, and no others any more.
   * @returns whether one is watched that was not before: what happened in it until now nobody has heard
   */
  follow(folders: readonly string[]): boolean {
    const wanted = new Set(folders);
    for (const [folder, { watcher, inode }] of this.#watchers) {
      if (wanted.has(folder) && inodeOf(folder) === inode) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    this.isIncomplete = false;
    let isNew = false;
    for (const folder of wanted) if (this.#begin(folder)) isNew = true;
    return isNew;
  }

  /** Whether this folder is watched now. */
  follows(folder: string): boolean {
    return this.#watchers.has(folder);
  }

  /** Resolves when something has changed since {@link listen}, at the signal, or after so many milliseconds. */
  async heard(atMostMs?: number): Promise<void> {
    if (this.#hasHeard) return;
    await new Promise<void>((resolve) => {
      const timer = atMostMs === undefined ? undefined : setTimeout(resolve, atMostMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener('abort', this.#ring);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #begin(folder: string): boolean {
    if (this.#watchers.has(folder)) return false;
    const inode = inodeOf(folder);
    if (inode === undefined) return false;
    try {
      const watcher = watch(folder, (kind, name) => {
        // So the kernel tells that the folder itself was removed or moved; its inode may be another's the next moment.
        if (kind === 'rename' && name === basename(folder)) drop();
        this.#ring();
      });
      const drop = (): void => {
        watcher.close();
        if (this.#watchers.get(folder)?.watcher === watcher) this.#watchers.delete(folder);
      };
      watcher.on('error', () => {
        drop();
        this.#ring();
      });
      this.#watchers.set(folder, { watcher, inode });
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') this.isIncomplete = true;
      return false;
    }
  }
}

function inodeOf(folder: string): bigint | undefined {
  return statSync(folder, { bigint: true, throwIfNoEntry: false })?.ino;
}
