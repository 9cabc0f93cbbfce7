import { throwIfAborted } from '../../abort.js';
import { fromSystemError, hasCode } from '../../errors.js';
import { requireSpace } from '../disks/free-space.js';
import { prepareStore } from '../sweep.js';
import type { CloneManyRequest, CloneProgress, CloneRequest } from './clone-request.js';
import { namesOfMany, publishMany } from './publish-many.js';
import { planClone } from './plan-clone.js';
import { planDisk, type DiskPlanRequest } from './plan-disk.js';
import { publishClone, requireNameIsFree } from './publish-clone.js';
import { PhaseTimer, reportClones } from './report-clone.js';
import type { CloneReport } from './report.js';
import { CloneSource, requireCloneable } from './source.js';
import { sourceState } from './source-state.js';
import { StagedClone } from './stage-clone.js';

export type { CloneProgress, CloneRequest } from './clone-request.js';

/**
 * Copies a stopped instance's folder, gives the copy an identity of its own, and makes it visible by one rename.
 * Whatever fails or kills this leaves the store as before or as after; the source is only read, under a shared lock,
 * so that many clones of it run side by side. (A linked clone freezes it first: its content stays the same.)
 *
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INVALID_NAME,
 *   NAME_TAKEN, NAME_IN_PREPARATION, INVALID_ARGUMENT, INSTANCE_CHANGED, DISK_FULL, MAC_EXHAUSTED, ABORTED, …; RecordError
 *   when the source is Broken
 */
export async function cloneInstance(request: CloneRequest): Promise<CloneReport> {
  const { layout, name } = request;
  if (request.dryRun === true) return await planClone(request, [name]);
  const timer = new PhaseTimer();
  await checkBeforeWork(request, name === undefined ? [] : [name]);
  await using source = await CloneSource.open(request);
  const state = sourceState(source.reading, request.snapshot, request.overrides);
  timer.end('prepare');
  const wish = name ?? null;
  const clone = await StagedClone.stage({ request, source, state, wish, first: null });
  timer.end('copy');
  try {
    request.onProgress?.({ phase: 'publishing' });
    throwIfAborted(request.signal);
    source.requireUnchanged();
    const published = await publishClone({
      layout,
      staged: clone.staged,
      sourceName: source.reading.name,
      name,
      writeSeed: (hostname) => clone.writeSeed(hostname),
    });
    timer.end('publish');
    return reportClones({ source, state, clones: [{ clone, name: published }], timer });
  } catch (error) {
    // What is visible is whole, even when the disk did not confirm it: it is not ours to remove any more.
    if (!isVisible(error)) await clone.staged.discard();
    throw fromSystemError(error, `clone "${request.source}"`);
  }
}

/**
 * Makes several clones of one source: all of them become visible, or none does, whatever fails or kills this. The disk
 * is made once, and copied or shared from there.
 * @throws MultipassError as {@link cloneInstance}; one name that is taken fails all
 */
export async function cloneInstances(request: CloneManyRequest): Promise<CloneReport> {
  const { layout, signal } = request;
  const names = namesOfMany(request);
  if (request.dryRun === true) return await planClone(request, names);
  const timer = new PhaseTimer();
  await checkBeforeWork(
    request,
    names.filter((name) => name !== undefined),
  );
  await using source = await CloneSource.open(request);
  const state = sourceState(source.reading, request.snapshot, request.overrides);
  await requireSpaceForAll({ request, reading: source.reading, state, copies: names.length });
  timer.end('prepare');
  const clones: StagedClone[] = [];
  try {
    for (const [index, name] of names.entries()) {
      throwIfAborted(signal);
      const tell = (done: number): void =>
        request.onProgress?.({ phase: 'copying', fraction: (index + done) / names.length });
      const onProgress = ({ fraction = 0 }: CloneProgress): void => tell(fraction);
      const first = clones[0] ?? null;
      const work = { request: { ...request, onProgress }, source, state };
      clones.push(await StagedClone.stage({ ...work, wish: name ?? null, first }));
      tell(1);
    }
    timer.end('copy');
    request.onProgress?.({ phase: 'publishing' });
    throwIfAborted(signal);
    source.requireUnchanged();
    const published = await publishMany({
      ...{ layout, clones, names, signal },
      source: source.reading.name,
    });
    timer.end('publish');
    return reportClones({ source, state, clones: published, timer });
  } catch (error) {
    if (!isVisible(error)) for (const { staged } of clones) await staged.discard();
    throw fromSystemError(error, `clone "${request.source}"`);
  }
}

/** Refuses what can be refused before any work, and does the store's upkeep. */
async function checkBeforeWork(
  request: CloneRequest | CloneManyRequest,
  names: readonly string[],
): Promise<void> {
  const { layout, source, snapshot, overrides } = request;
  const reading = requireCloneable(layout, source, request);
  sourceState(reading, snapshot, overrides);
  for (const name of names) await requireNameIsFree(layout, name);
  await prepareStore(layout);
}

/** One copy knows by itself whether it fits; for several it is known before the first. */
async function requireSpaceForAll(plan: DiskPlanRequest): Promise<void> {
  if (plan.copies === 1 || plan.request.linked === true) return;
  const { bytesCopied, fits } = await planDisk(plan);
  if (!fits) await requireSpace(plan.request.layout.staged('copies'), bytesCopied);
}

function isVisible(error: unknown): boolean {
  return hasCode(error, 'NOT_DURABLE');
}
