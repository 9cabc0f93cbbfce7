import { readdirSync, statSync, type Dirent } from 'node:fs';
import { errnoOf, fromSystemError } from '../errors.js';
import type { StoreLayout } from './layout.js';

/** How often the names are read again when the folder keeps changing under the reader. */
const ATTEMPTS = 3;

/**
 * Visits every entry of `instances/` once, although others rename meanwhile: readdir may lose or double entries then,
 * so the folder's times are compared before and after the visits, and what was missed is visited in another round.
 * `visit` says whether the entry was still there. Nothing is locked.
 */
export async function visitInstances(
  layout: StoreLayout,
  visit: (entry: Dirent) => 'seen' | 'vanished',
): Promise<void> {
  const seen = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = changeTime(layout.instances);
    let vanished = false;
    let visited = 0;
    for (const entry of readEntries(layout.instances)) {
      if (seen.has(entry.name) || entry.name.startsWith('.')) continue;
      if (visit(entry) === 'vanished') vanished = true;
      else seen.add(entry.name);
      // A library's event loop must breathe while ten thousand instances are read.
      if ((visited += 1) % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (!vanished && changeTime(layout.instances) === before) return;
  }
}

/** The names under `instances/`, whatever is behind them; a store that does not exist has none. */
export function instanceEntryNames(layout: StoreLayout): string[] {
  return orNone(layout.instances, () => readdirSync(layout.instances));
}

function readEntries(path: string): Dirent[] {
  return orNone(path, () => readdirSync(path, { withFileTypes: true }));
}

function orNone<T>(path: string, read: () => T[]): T[] {
  try {
    return read();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, 'list the instances', path);
  }
}

function changeTime(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs;
}
