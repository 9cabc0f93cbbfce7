import { errnoOf, MultipassError } from '../errors.js';
import { log } from '../log.js';
import { syncPath } from '../files/sync.js';
import { isCommit, readCommit, removeCommit, writeCommit, type Publication } from './commit.js';
import type { StoreLayout } from './layout.js';
import { moveIfFree } from './make-visible.js';
import { takeBack } from './take-back.js';
import type { RowsOf } from './trash.js';

/**
 * Carries out what abandoned commits have left to do: the renames of a set that was to become visible, or the taking back
 * of one that was given up. A set whose chosen name was taken meanwhile is given up here, too: all of it, or none.
 * @param abandoned entries of the staging folder whose makers were dead by the time it was read: whatever they had
 *   committed to is among them, while a maker that dies later is left to the next sweep
 * @returns the entries that must stay where they are, for they could not be carried out now
 */
export async function carryOut(
  layout: StoreLayout,
  abandoned: readonly string[],
  rowsOf: RowsOf,
): Promise<ReadonlySet<string>> {
  const unfinished = new Set<string>();
  for (const entry of abandoned.filter(isCommit)) {
    const { decision, publications } = readCommit(layout, entry);
    const record = layout.staged(entry);
    try {
      if (decision === 'undo' || !(await finish(layout, publications))) {
        await writeCommit(layout, record, { decision: 'undo', publications });
        await takeBack(layout, publications, rowsOf);
      }
      await syncPath(layout.instances);
      await syncPath(layout.staging);
      await removeCommit(record);
    } catch (error) {
      log('warning', 'sweep', `cannot finish a commit: ${(error as Error).message}`);
      for (const name of [entry, ...publications.map(({ token }) => token)]) unfinished.add(name);
    }
  }
  return unfinished;
}

/** @returns false when a chosen name is taken, so that the set cannot be what was asked for */
async function finish(layout: StoreLayout, publications: readonly Publication[]): Promise<boolean> {
  for (const publication of publications) {
    if (!(await finishOne(layout, publication, publications))) return false;
  }
  return true;
}

async function finishOne(
  layout: StoreLayout,
  { token, name, stem, uuid }: Publication,
  all: readonly Publication[],
): Promise<boolean> {
  try {
    // Its seed may have another name in it then; the hostname follows the folder's name at the next start.
    for (let wanted = name; !(await moveIfFree(layout, layout.staged(token), wanted));) {
      if (stem === null) {
        log('warning', 'sweep', `"${name}" was taken meanwhile: its copies are removed`);
        // A record of an earlier version cannot be taken back: there it costs that folder alone.
        return uuid === '';
      }
      wanted = nextNumbered(wanted, stem, all);
    }
    return true;
  } catch (error) {
    // Done already, by its maker or by another sweeper.
    if (error instanceof MultipassError && errnoOf(error.cause) === 'ENOENT') return true;
    throw error;
  }
}

/** The next number behind the one that is taken: those before it were taken when the names were chosen. */
function nextNumbered(taken: string, stem: string, all: readonly Publication[]): string {
  const promised = new Set(all.map(({ name }) => name));
  for (let number = Number(/[0-9]+$/.exec(taken)?.[0] ?? 0) + 1; ; number += 1) {
    const name = `${stem}${number}`;
    if (!promised.has(name)) return name;
  }
}
