import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import type { StoreLayout } from '../../store/layout.js';
import { withRecordLock } from '../../store/record-lock.js';
import { updateAliasLinks } from './alias-links.js';
import { decodeAliases, NO_ALIASES, type AliasRecord } from './alias-record.js';

/**
 * The aliases of a store: one small read, no lock.
 * @throws RecordError naming the file and the place; MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export function readAliases(layout: StoreLayout): AliasRecord {
  const place = readRecordIfAny(layout.aliasesFile);
  return place === undefined ? NO_ALIASES : decodeAliases(place);
}

/**
 * Changes the aliases, atomically and durably, while no other process does: a kill leaves them as they were or as they
 * are to be. `bin/` follows, and where a kill keeps it from that, with the next change.
 * @param change gets the aliases as they are, and returns them as they are to be; the same object: nothing is written
 * @throws RecordError when the file cannot be read, which leaves it as it is; MultipassError DISK_FULL,
 *   STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR, ABORTED; what `change` throws
 */
export async function changeAliases(
  layout: StoreLayout,
  signal: AbortSignal | undefined,
  change: (record: AliasRecord) => AliasRecord | Promise<AliasRecord>,
): Promise<void> {
  await withRecordLock(layout.aliasesLock, signal, async () => {
    const before = readAliases(layout);
    const after = await change(before);
    if (after !== before) await replaceRecord(layout.aliasesFile, after);
    await updateAliasLinks(layout, after);
  });
}
