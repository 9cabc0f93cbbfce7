import { lstat, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.js';
import { log } from '../log.js';
import type { StoreLayout } from './layout.js';
import { isMakerAtWork, isMakerGone, type MakerQuestion } from './maker-lock.js';
import { isOwnToken, makerState, newToken } from './maker-token.js';
import { carryOut } from './roll.js';
import type { RowsOf } from './mac-table.js';
import { removeTrashed, type AfterPurge } from './trash.js';

/** Folders whose maker cannot be looked up (another machine or pid namespace) are left alone this long. */
const UNKNOWN_MAKER_GRACE_MS = 24 * 60 * 60 * 1000;

/**
 * Removes what dead processes left in `staging/` and `trash/`, after finishing their commits. Never waits, and touches
 * nothing else. Every command that changes the store begins with this. A sweep claims a folder by renaming it into the
 * trash under its own token, so that two sweeps never work on the same one. A failure is logged and left to the next
 * sweep.
 */
export async function sweep(
  layout: StoreLayout,
  rowsOf: RowsOf,
  afterPurge?: AfterPurge,
): Promise<void> {
  const trashed = await abandonedIn(layout, layout.trash);
  // A process that dies after this listing may have written a commit that is not in it: that is for the next sweep.
  const staged = await abandonedIn(layout, layout.staging);
  const unfinished = await carryOut(layout, staged, rowsOf);
  const left = [
    ...trashed.map((token) => layout.trashed(token)),
    ...staged.filter((token) => !unfinished.has(token)).map((token) => layout.staged(token)),
  ];
  for (const path of left) {
    try {
      await sweepOne(layout, path, { rowsOf, afterPurge });
    } catch (error) {
      log('warning', 'sweep', `cannot remove ${path}: ${(error as Error).message}`);
    }
  }
}

/** The entries of a folder that nobody works on any more. */
async function abandonedIn(layout: StoreLayout, folder: string): Promise<string[]> {
  const abandoned: string[] = [];
  for (const token of await readdir(folder).catch((): string[] => [])) {
    if (!isOwnToken(token) && (await isAbandoned(layout, folder, token))) abandoned.push(token);
  }
  return abandoned;
}

async function sweepOne(
  layout: StoreLayout,
  path: string,
  { rowsOf, afterPurge }: { readonly rowsOf: RowsOf; readonly afterPurge: AfterPurge | undefined },
): Promise<void> {
  const claimed = layout.trashed(newToken());
  try {
    await rename(path, claimed);
  } catch (error) {
    // Another sweeper was faster, or it has been published.
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await removeTrashed(layout, claimed, rowsOf, afterPurge);
}

/**
 * Whether nobody works any more on an entry of `staging/` or `trash/`, so that a sweep takes it.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR, … when that cannot be found out
 */
export async function isAbandoned(
  layout: StoreLayout,
  folder: string,
  token: string,
  question: MakerQuestion = {},
): Promise<boolean> {
  if (makerState(token) !== 'unknown') return await isMakerGone(layout, token, question);
  // One of the two clocks may be wrong.
  return (await isOld(join(folder, token))) && !(await isMakerAtWork(layout, token, question));
}

async function isOld(path: string): Promise<boolean> {
  // Gone since it was listed.
  const stats = await lstat(path).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > UNKNOWN_MAKER_GRACE_MS;
}
