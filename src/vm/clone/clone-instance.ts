import { fromSystemError } from '../../errors.js';
import { instanceEntryNames } from '../../store/listing.js';
import { isVisible } from '../../store/make-visible.js';
import { publish, type Publishable } from '../../store/publish.js';
import { Work } from '../../work.js';
import { requireUnclaimed } from '../forwards/port-claims.js';
import { requireSpace } from '../disks/free-space.js';
import { requireNameIsFree } from '../free-name.js';
import { rowsOfFolder } from '../macs.js';
import type { InstanceReading } from '../read-instance.js';
import { prepareStore } from '../sweep.js';
import { warmWarnings } from '../warm/warm-warnings.js';
import { WarmClone } from '../warm/warm-clone.js';
import { cloneNameStem, firstFreeCloneNames, requireDestinationName } from '../names.js';
import { isLinked, requirePossible, wantedNames, type CloneRequest } from './clone-request.js';
import { planClone } from './plan-clone.js';
import { planDisk } from './plan-disk.js';
import { leftForwards, wantedForwards } from './wanted-forwards.js';
import { cloneReport, PhaseTimer, type MadeDisks } from './clone-report.js';
import type { CloneReport } from './report.js';
import { CloneSource, lookAtSource } from './source.js';
import { sourceState, type SourceState } from './source-state.js';
import { StagedClone } from './stage-clone.js';

/**
 * Copies an instance's folder, gives each copy an identity of its own, and makes it visible by one rename;
 * several copies become visible together or not at all. Whatever fails or kills this leaves the store as before or as
 * after; the source is only read, under a shared lock, so that many clones of it run side by side. (For a linked clone
 * its head is frozen first: its content stays the same. A running one, with `live`, is copied as it is at one moment,
 * and runs on.) The disk is made once, and copied or shared from there.
 *
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INVALID_NAME,
 *   NAME_TAKEN, NAME_IN_PREPARATION, INVALID_ARGUMENT, PORT_TAKEN, INSTANCE_CHANGED, DISK_FULL, MAC_EXHAUSTED, ABORTED,
 *   …; RecordError when the source is Broken
 */
export async function cloneInstance(request: CloneRequest): Promise<CloneReport> {
  const { layout, snapshot, overrides } = request;
  requirePossible(request);
  const names = wantedNames(request);
  const forwards = wantedForwards(request, names.length);
  if (request.dryRun === true) return await planClone(request, names, forwards);
  const work = Work.of(request.work);
  const timer = new PhaseTimer();
  const early = async (reading: InstanceReading): Promise<void> => {
    sourceState(reading, snapshot, overrides);
    for (const name of names) if (name !== undefined) await requireNameIsFree(layout, name);
    await requireUnclaimed(layout, forwards.flat());
  };
  await using warm = await prepareWarm(request, work, early);
  await using source = await CloneSource.open(request, { work, warm, early });
  const state = sourceState(source.reading, snapshot, overrides);
  await requireSpaceForAll(request, { source, state, copies: names.length });
  timer.end('prepare');
  const clones: StagedClone[] = [];
  let memoryBytes: number | null = null;
  try {
    work.begin('copying', source.reading.name);
    for (const [index, name] of names.entries()) {
      work.throwIfAborted();
      const part = work.part(index, names.length);
      part.advance(0);
      const first = clones[0] ?? null;
      const wish = name ?? null;
      const staging = { request, source, state, wish, first, forwards: forwards[index] ?? [] };
      const clone = await StagedClone.stage({ ...staging, work: part });
      clones.push(clone);
      if (index === 0) await warm?.finish();
      memoryBytes = (await warm?.linkInto(clone.staged)) ?? null;
      part.advance(1);
    }
    timer.end('copy');
    work.begin('publishing', source.reading.name);
    work.throwIfAborted();
    source.requireUnchanged();
    await request.beforePublish?.(clones.map(({ identity }) => identity.uuid));
    const { signal } = work;
    const publishables = publishablesOf(request, clones, names);
    const published = await publish(layout, publishables, { rowsOf: rowsOfFolder, signal });
    timer.end('publish');
    if (source.moment.pauseMs > 0) timer.note('pause', source.moment.pauseMs);
    return cloneReport({
      dryRun: false,
      reading: source.reading,
      seed: source.seed,
      state,
      disk: diskOf(clones),
      consistency: source.moment.consistency,
      clones: clones.map((clone, index) => clone.outcome(published[index] ?? '')),
      memoryBytes,
      warnings: [...leftForwards(source.reading, request), ...warmWarnings(request)],
      timings: timer.timings,
    });
  } catch (error) {
    // What is visible is whole, even when the disk did not confirm it: it is not ours to remove any more.
    if (!isVisible(error)) for (const { staged } of clones) await staged.discard();
    throw fromSystemError(error, `clone "${request.source}"`);
  }
}

/** Makes ready for the memory of a source, where that is wanted; what refuses does so before. */
async function prepareWarm(
  request: CloneRequest,
  work: Work,
  early: (reading: InstanceReading) => Promise<void>,
): Promise<WarmClone | null> {
  const { layout, snapshot, warm = false, full = false } = request;
  if (!warm) return null;
  const source = lookAtSource(request);
  await early(source);
  await prepareStore(layout, { exists: true });
  const level = full ? 'full' : 'script';
  return await WarmClone.prepare({ layout, source, snapshot, level, work });
}

/** One copy knows by itself whether it fits; for several it is known before the first. */
async function requireSpaceForAll(
  request: CloneRequest,
  { source, state, copies }: { source: CloneSource; state: SourceState; copies: number },
): Promise<void> {
  if (copies === 1 || isLinked(request)) return;
  const { bytesCopied, fits } = await planDisk({ request, reading: source.reading, state, copies });
  if (!fits) await requireSpace(request.layout.staged('copies'), bytesCopied);
}

/** The clones with their names: a chosen one, or the next `<source>-cloneN` that nobody has. */
function publishablesOf(
  { layout, source }: CloneRequest,
  clones: readonly StagedClone[],
  names: readonly (string | undefined)[],
): Publishable[] {
  const free = firstFreeCloneNames(source, new Set(instanceEntryNames(layout)));
  const nextFree = (): string => {
    const name = free.next().value;
    requireDestinationName(name);
    return name;
  };
  return clones.map((clone, index) => {
    const chosen = names[index];
    const common = {
      staged: clone.staged,
      writeName: (name: string) => clone.writeSeed(name),
    };
    if (chosen !== undefined) return { ...common, name: chosen };
    return { ...common, name: nextFree(), stem: cloneNameStem(source), nextName: nextFree };
  });
}

/** What the disks of all clones came to. */
function diskOf(clones: readonly StagedClone[]): MadeDisks {
  const [first] = clones;
  if (first === undefined) throw new Error('no clone to report');
  const { head } = first;
  // The first one is copied from its source, each further one from the first; linked ones share what was made for it.
  const copies = head.strategy === 'linked' ? 1 : clones.length;
  return { ...head, bytesCopied: head.bytesCopied * copies, fits: true };
}
