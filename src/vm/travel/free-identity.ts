import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { rowsOfFolder } from '../macs.js';

/** The error for an identity that somebody has here already. */
export function identityTaken(problem: string): MultipassError {
  return new MultipassError('IDENTITY_TAKEN', `cannot keep its identity: ${problem}`, {
    hint: 'Import it as a copy, without `--keep-identity`, or purge the instance that has it.',
  });
}

/**
 * Makes sure that no instance here, a deleted one included, has a uuid. Two that come at the same time are kept apart
 * by their MAC addresses.
 * @throws MultipassError IDENTITY_TAKEN
 */
export async function requireUuidIsFree(layout: StoreLayout, uuid: string): Promise<void> {
  for (const name of instanceEntryNames(layout)) {
    const rows = await rowsOfFolder(layout.instance(name));
    if (rows?.uuid === uuid) throw identityTaken(`"${name}" has its uuid ${uuid}`);
  }
}
