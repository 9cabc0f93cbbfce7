import { instanceEntryNames } from '../../store/listing.js';
import { firstBootOf } from '../seed/first-boot.js';
import { readSeed, retargetSeed } from '../seed/seed.js';
import { firstFreeCloneNames, requireDestinationName } from '../names.js';
import type { InstanceReading } from '../read-instance.js';
import type { CloneManyRequest, CloneRequest } from './clone-request.js';
import { planDisk } from './plan-disk.js';
import { requireNameIsFree } from './publish-clone.js';
import { layerWarnings, PhaseTimer, plannedIdentity } from './report-clone.js';
import type { CloneReport } from './report.js';
import { requireCloneable } from './source.js';
import { sourceState } from './source-state.js';

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
  const plan = await planDisk({ request, reading, state, copies: names.length });
  timer.end('plan');
  return {
    dryRun: true,
    source,
    snapshot: state.snapshot,
    strategy: plan.strategy,
    consistency: 'stopped',
    bytesToCopy: plan.bytesCopied,
    bytesShared: plan.bytesShared,
    fits: plan.fits,
    clones,
    warnings: layerWarnings(
      plan,
      clones.map(({ name }) => name),
    ),
    timingsMs: timer.timings,
  };
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
