import { instanceEntryNames } from '../../store/listing.js';
import { GuestAgent } from '../../qemu/guest-agent.js';
import { RUN_SOCKETS } from '../../qemu/machine.js';
import { requireNameIsFree } from '../free-name.js';
import { firstFreeCloneNames, requireDestinationName } from '../names.js';
import { requireUnclaimed } from '../forwards/port-claims.js';
import type { Consistency } from '../live/standstill.js';
import type { InstanceReading } from '../read-instance.js';
import type { Forward } from '../records/forward.js';
import { firstBootOf } from '../seed/first-boot.js';
import { Work } from '../../work.js';
import { planWarm } from '../warm/plan-warm.js';
import { warmWarnings } from '../warm/warm-warnings.js';
import { readSeed, retargetSeed, type Seed } from '../seed/seed.js';
import { cloneReport, PhaseTimer, type CloneOutcome } from './clone-report.js';
import type { CloneRequest } from './clone-request.js';
import { planDisk } from './plan-disk.js';
import type { CloneReport } from './report.js';
import { lookAtSource } from './source.js';
import { leftForwards } from './wanted-forwards.js';
import { sourceState } from './source-state.js';

/**
 * What cloning would do, and whether it could: nothing of an instance is written, and no lock is taken, so that a
 * moment later another answer may be right.
 * @param names the chosen ones; undefined: the next free one
 * @param forwards of each
 * @throws MultipassError as `cloneInstance`, but for DISK_FULL, which the plan tells in `fits`
 */
export async function planClone(
  request: CloneRequest,
  names: readonly (string | undefined)[],
  forwards: readonly (readonly Forward[])[],
): Promise<CloneReport> {
  const { layout, source, snapshot, overrides } = request;
  const timer = new PhaseTimer();
  const reading = lookAtSource(request);
  const state = sourceState(reading, snapshot, overrides);
  await requireUnclaimed(layout, forwards.flat());
  const free = firstFreeCloneNames(source, new Set(instanceEntryNames(layout)));
  const seed = readSeed(reading.dir.seed);
  const clones: CloneOutcome[] = [];
  for (const chosen of names) {
    if (chosen !== undefined) await requireNameIsFree(layout, chosen);
    const name = chosen ?? free.next().value;
    requireDestinationName(name);
    const { files, warnings } = plannedSeed(request, { reading, seed, hostname: name });
    const { renews, keeps } = firstBootOf(files);
    const unchanged = [...warnings, ...keeps];
    clones.push({ name, identity: null, atFirstBoot: renews, unchanged });
  }
  const disk = await planDisk({ request, reading, state, copies: names.length });
  timer.end('plan');
  return cloneReport({
    dryRun: true,
    reading,
    seed,
    state,
    disk,
    consistency: await plannedConsistency(reading),
    clones,
    memoryBytes: await plannedMemory(request, reading),
    warnings: [...leftForwards(reading, request), ...warmWarnings(request)],
    timings: timer.timings,
  });
}

/** Of a running one it is not known before; at most so much. */
async function plannedMemory(
  { layout, snapshot, warm = false, full = false, work }: CloneRequest,
  source: InstanceReading,
): Promise<number | null> {
  if (!warm) return null;
  const level = full ? 'full' : 'script';
  const plan = await planWarm({ layout, source, snapshot, level, work: Work.of(work) });
  return plan.machine.memory;
}

/** Whether the agent of a running source answers now; nothing is frozen. */
async function plannedConsistency({ state, dir }: InstanceReading): Promise<Consistency> {
  if (state !== 'Running') return 'stopped';
  await using agent = await GuestAgent.find(dir.run, RUN_SOCKETS.agent);
  return agent === null ? 'crash' : 'frozen';
}

/** A clone's seed, but for the addresses that it does not have yet. */
function plannedSeed(
  { overrides }: CloneRequest,
  { reading, seed, hostname }: { reading: InstanceReading; seed: Seed | null; hostname: string },
): ReturnType<typeof retargetSeed> {
  const { spec, dir } = reading;
  const interfaces = spec.interfaces.map(({ mac, auto }, index) => {
    return { old: mac, new: mac, index, auto };
  });
  const { resetStaticAddresses: resetAddresses = false } = overrides ?? {};
  const identity = {
    instanceId: spec.uuid,
    hostname,
    interfaces,
    isCopy: true,
    resetAddresses,
  };
  return retargetSeed(seed, identity, dir.seed);
}
