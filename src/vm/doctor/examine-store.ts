import { lstatSync } from 'node:fs';
import { fromSystemError, hasCode, MultipassError } from '../../errors.js';
import { checkStoreFormat } from '../../store/format.js';
import { instanceEntryNames } from '../../store/listing.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { checkAliases } from './aliases.js';
import { checkBases } from './bases.js';
import { checkMemories } from './memories.js';
import { checkDisks, type CheckedDisks } from './disks.js';
import { checkDownloads } from './downloads.js';
import { Examination, type Check } from './examination.js';
import { diagnosisOf, type Diagnosis } from './finding.js';
import { checkIdentities } from './identities.js';
import { checkImages } from './images.js';
import { checkLeftovers } from './leftovers.js';
import { checkLocks } from './locks.js';
import { sweepStore } from './mends.js';
import { checkInstanceRecords, checkStoreRecords } from './records.js';
import { checkNetworks } from './networks.js';
import { checkPorts } from './ports.js';
import { checkRights } from './rights.js';
import { checkRuns } from './runs.js';
import { checkSnapshots } from './snapshots.js';
import { checkStrangers } from './strangers.js';

/** Which store is examined. */
export interface StoreRequest {
  readonly layout: StoreLayout;
  readonly work: Work;
  /** What is known of its disks by an earlier examination. */
  readonly disks: CheckedDisks;
}

/**
 * Reads a whole store and says what is wrong with it or left over, in the order in which it is to be mended: rights
 * first, for without them nothing is done in a store; what has to be put aside before what a sweep, or the end of an
 * operation, would remove. Sweeps nothing, changes nothing, and waits for nobody.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR, ABORTED
 */
export async function examineStore({
  layout,
  work,
  disks,
}: StoreRequest): Promise<readonly Diagnosis[]> {
  const state = stateOf(layout);
  if (state === 'none') return [];
  if (state instanceof MultipassError) {
    const { message, hint = '' } = state;
    return [diagnosisOf('store-too-new', 'store.json', { path: null, message, hint })];
  }
  const examination = await Examination.begin(layout, work);
  try {
    for (const check of checksOf(disks)) {
      work.throwIfAborted();
      await check(examination);
    }
  } catch (error) {
    throw fromSystemError(error, 'examine the store', layout.root);
  }
  const lost = state === 'unfinished' ? [withoutFormat(layout)] : [];
  return [...examination.found, ...lost];
}

function checksOf(disks: CheckedDisks): readonly Check[] {
  return [
    ...[checkRights, checkStoreRecords, checkStrangers, checkInstanceRecords, checkImages],
    ...[checkBases, checkMemories, checkDisks(disks), checkSnapshots, checkRuns],
    ...[checkLeftovers, checkLocks, checkDownloads, checkIdentities, checkPorts, checkAliases],
    checkNetworks,
  ];
}

/** Whether there is a store: `unfinished` is one that has lost its `store.json`. */
function stateOf(layout: StoreLayout): 'whole' | 'unfinished' | 'none' | MultipassError {
  try {
    if (checkStoreFormat(layout)) return 'whole';
    const isUsed = lstatSync(layout.instances, { throwIfNoEntry: false })?.isDirectory() === true;
    return isUsed && instanceEntryNames(layout).length > 0 ? 'unfinished' : 'none';
  } catch (error) {
    if (hasCode(error, 'STORE_TOO_NEW')) return error;
    if (hasCode(error, 'RECORD_INVALID', 'STORE_NOT_PRIVATE', 'INSTANCE_BROKEN')) return 'whole';
    throw error;
  }
}

function withoutFormat({ formatFile }: StoreLayout): Diagnosis {
  return diagnosisOf('store-record-missing', 'store.json', {
    path: null,
    message: `"${formatFile}" is missing: commands take the store for none`,
    hint: 'Have it written again by `multipass doctor --fix`.',
    mend: sweepStore,
  });
}
