import { statSync } from 'node:fs';
import { sleep, throwIfAborted } from '../../abort.js';
import { MultipassError } from '../../errors.js';

/** A file system may stamp times only this finely; a younger file could change again without showing it. */
const TIME_GRAIN_MS = 50;

/**
 * Remembers what files were, by device, inode, size and times, and tells at the end whether they still are that: so
 * a copy is known to be of one state, whoever writes past our locks.
 */
export class SourceWatch {
  readonly #prints: ReadonlyMap<string, string>;

  private constructor(prints: ReadonlyMap<string, string>) {
    this.#prints = prints;
  }

  /**
   * Takes the first look. A file touched less than 50 ms ago is looked at again once it is older.
   * @throws MultipassError ABORTED
   */
  static async begin(paths: readonly string[], signal?: AbortSignal): Promise<SourceWatch> {
    throwIfAborted(signal);
    const youngest = Math.max(...paths.map((path) => timeOf(path)));
    const age = Date.now() - youngest;
    if (age >= 0 && age < TIME_GRAIN_MS) await sleep(TIME_GRAIN_MS - age, signal);
    return new SourceWatch(new Map(paths.map((path) => [path, printOf(path)])));
  }

  /** @throws MultipassError INSTANCE_CHANGED naming the file that is not what it was */
  requireUnchanged(): void {
    for (const [path, print] of this.#prints) {
      if (printOf(path) === print) continue;
      throw new MultipassError('INSTANCE_CHANGED', `"${path}" changed while it was being copied`, {
        hint: 'See that nothing else writes to it, then try again; nothing was kept.',
        details: { path },
      });
    }
  }
}

function timeOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 0 : Math.max(stats.mtimeMs, stats.ctimeMs);
}

function printOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return 'absent';
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}
