import { hasCode, MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { changeAliases, readAliases } from './alias-file.js';
import { isStillCalled, namesOfInstances } from './alias-instances.js';
import { withContext, type AliasRecord } from './alias-record.js';

/**
 * Removes the aliases of instances that there are no more, after one has been purged; what a kill left is removed by
 * the next command that changes the store. Who an instance is, its uuid says: those of one that was renamed stay. That
 * it cannot be done is a warning, for the purge itself is done.
 * @throws MultipassError ABORTED
 */
export async function forgetAliases(layout: StoreLayout, work: Work): Promise<void> {
  try {
    if (!mayBeLost(layout, readAliases(layout))) return;
    await changeAliases(layout, work.signal, async (record) => {
      const nameOf = await namesOfInstances(layout);
      return Object.entries(record.contexts).reduce((changed: AliasRecord, [name, context]) => {
        const all = Object.entries(context);
        const kept = all.filter(([, alias]) => nameOf(alias) !== undefined);
        return kept.length === all.length
          ? changed
          : withContext(changed, name, Object.fromEntries(kept));
      }, record);
    });
  } catch (error) {
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    work.warn(`the aliases stay as they are: ${error.message}`);
  }
}

function mayBeLost(layout: StoreLayout, { contexts }: AliasRecord): boolean {
  const aliases = Object.values(contexts).flatMap((context) => Object.values(context));
  return aliases.some((alias) => !isStillCalled(layout, alias));
}
