import { errnoOf, MultipassError } from '../errors.js';
import { log } from '../log.js';
import { syncPath } from '../files/sync.js';
import { isCommit, readCommit, removeCommit, writeCommit, type Publication } from './commit.js';
import type { StoreLayout } from './layout.js';
import { moveIfFree } from './make-visible.js';
import { takeBack } from './take-back.js';
import type { RowsOf } from './mac-table.js';

/**
 * Finishes the commits of dead processes: publishes the rest of a set, or takes a set back that was given up. A set
 * whose chosen name was taken meanwhile is given up here, so that all of it is visible or nothing.
 * @param abandoned entries of the staging folder whose makers were dead when it was listed, so that their commit
 *   records are in the list, too; makers that die later are left to the next sweep
 * @returns the entries that the sweep must not remove, because their commit could not be finished now
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

/** @returns false when a chosen name is taken, so that the set cannot be published as it was requested */
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
    // The seed may then hold a hostname that is not the folder's name; the next start corrects it.
    for (let wanted = name; !(await moveIfFree(layout, layout.staged(token), wanted));) {
      if (stem === null) {
        log('warning', 'sweep', `"${name}" was taken meanwhile: its copies are removed`);
        // A record of an earlier version cannot be undone: this folder is dropped, the others are published.
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
