import { checkStoreFormat, initialiseStore } from '../store/format.js';
import type { StoreLayout } from '../store/layout.js';
import { sweepHolderNotes } from '../store/lock-holders.js';
import { sweepMakerLocks } from '../store/maker-lock.js';
import { MacTable } from '../store/mac-table.js';
import { sweepDrafts } from '../store/sweep-drafts.js';
import { sweep } from '../store/sweep.js';
import { sweepVisibleLocks } from '../store/visible-locks.js';
import { Work } from '../work.js';
import { rebuildMacTable, rowsOfFolder } from './macs.js';

/**
 * What every command that changes the store begins with: the store is made at first use, and what dead commands left
 * is swept, without waiting for anybody.
 * @param exists true where the caller has looked: the store is there, and of a format that we know
 * @throws MultipassError STORE_TOO_NEW, STORE_READ_ONLY, PERMISSION_DENIED, DISK_FULL; RecordError
 */
export async function prepareStore(
  layout: StoreLayout,
  { exists }: { readonly exists?: true } = {},
): Promise<void> {
  await initialiseStore(layout, exists ?? checkStoreFormat(layout));
  await sweep(layout, rowsOfFolder, async () => {
    const { forgetAliases } = await import('./aliases/forget-aliases.js');
    await forgetAliases(layout, Work.of());
  });
  await sweepDrafts(layout);
  await sweepHolderNotes(layout);
  await sweepVisibleLocks(layout);
  await sweepMakerLocks(layout);
  if (await new MacTable(layout).isMissing()) await rebuildMacTable(layout);
}
