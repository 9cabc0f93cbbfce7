import { rm, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { newToken } from '../../store/maker-token.js';
import { firstBootOf } from '../cloud-init/first-boot.js';
import { readSeed, retargetSeed } from '../cloud-init/seed.js';
import { backingChain } from '../disks/backing-chain.js';
import { planCopy, type CopyPlan } from '../disks/copy-disk.js';
import { allocatedBytes } from '../disks/copy-file.js';
import { firstFreeCloneNames, requireDestinationName } from '../names.js';
import type { InstanceReading } from '../read-instance.js';
import type { CloneManyRequest, CloneRequest } from './clone-request.js';
import { requireNameIsFree } from './publish-clone.js';
import { PhaseTimer, plannedIdentity } from './report-clone.js';
import type { CloneReport } from './report.js';
import { requireCloneable } from './source.js';
import { sourceState, type SourceState } from './source-state.js';

/**
 * What cloning would do, and whether it could: nothing of an instance is written, and no lock is taken, so that a moment
 * later another answer may be right.
 * @param names the given ones; undefined: the next free one
 * @throws MultipassError as `cloneInstance`, but for DISK_FULL, which the plan tells in `fits`
 */
export async function planClone(
  request: CloneRequest | CloneManyRequest,
  names: readonly (string | undefined)[],
): Promise<CloneReport> {
  const { layout, source, snapshot, overrides } = request;
  const timer = new PhaseTimer();
  const reading = requireCloneable(layout, source, request);
  const state = sourceState(reading, snapshot, overrides);
  const free = firstFreeCloneNames(source, new Set(instanceEntryNames(layout)));
  const seed = readSeed(reading.dir.seed);
  const clones = [];
  for (const given of names) {
    if (given !== undefined) await requireNameIsFree(layout, given);
    const name = given ?? free.next().value;
    requireDestinationName(name);
    const identity = plannedIdentity(reading, seed, state, name);
    const { renews, keeps } = firstBootOf(newSeedFiles(reading, seed, name));
    clones.push({ name, identity, atFirstBoot: renews, unchanged: keeps });
  }
  const plan = await planDisk(request, reading, state);
  timer.end('plan');
  const copies = plan.strategy === 'linked' ? 1 : names.length;
  return {
    dryRun: true,
    source,
    snapshot: state.snapshot,
    strategy: plan.strategy,
    consistency: 'stopped',
    bytesToCopy: plan.bytesCopied * copies,
    bytesShared: plan.bytesShared,
    fits: plan.fits,
    clones,
    timingsMs: timer.timings,
  };
}

type DiskPlan = Omit<CopyPlan, 'strategy'> & {
  readonly strategy: CopyPlan['strategy'] | 'linked';
};

async function planDisk(
  { layout, linked = false, signal }: CloneRequest | CloneManyRequest,
  reading: InstanceReading,
  state: SourceState,
): Promise<DiskPlan> {
  const { dir, disk } = reading;
  const chain = backingChain(dir, disk);
  let bases = 0;
  for (const base of chain) bases += await allocatedBytes(dir.file(base));
  if (linked && disk.snapshots.length === 0) {
    const bytesShared = bases + (await allocatedBytes(dir.disk));
    return { strategy: 'linked', bytesCopied: 0, bytesShared, fits: true };
  }
  const copy = await withScratch(layout, async (folder) => {
    const target = new InstanceDir(folder).disk;
    return await planCopy({ source: dir.disk, facts: disk, tag: state.tag, target, signal });
  });
  return linked ? { ...copy, strategy: 'linked', bytesShared: copy.bytesShared + bases } : copy;
}

/** Whether extents can be shared is for the file system to say, with a file; what is left of it is swept. */
async function withScratch<T>(
  layout: StoreLayout,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = join(layout.staging, newToken());
  await mkdir(folder, { mode: 0o700 });
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function newSeedFiles(
  { spec, dir }: InstanceReading,
  seed: ReturnType<typeof readSeed>,
  hostname: string,
): ReturnType<typeof retargetSeed>['files'] {
  const interfaces = spec.interfaces.map(({ mac, auto }, index) => ({
    ...{ old: mac, new: mac, index, auto },
  }));
  const identity = { instanceId: spec.uuid, hostname, interfaces, isCopy: true };
  return retargetSeed(seed, identity, dir.seed).files;
}
