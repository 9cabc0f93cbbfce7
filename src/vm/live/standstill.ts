import { rm } from 'node:fs/promises';
import { replaceRecord } from '../../files/record.js';
import { GuestAgent, isPortOpen } from '../../qemu/guest-agent.js';
import { AGENT_PORT, RUN_SOCKETS } from '../../qemu/machine.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { encodePending, type RunningStep } from '../records/pending-record.js';
import { startGuard } from './guard.js';
import { keepRecords } from './keep-records.js';
import { settleRunning } from './settle-running.js';

/**
 * What a disk holds that was copied at one moment:
 * - `stopped`: all of it, for nothing ran
 * - `frozen`: the guest has written out its file systems, and held them still
 * - `crash`: what a power cut at that moment would have left
 */
export type Consistency = 'stopped' | 'frozen' | 'crash';

/** The moment that was copied. */
export interface Moment {
  readonly consistency: Consistency;
  /** For how long, in milliseconds, the guest stood still, or could not write. */
  readonly pauseMs: number;
}

/** A running instance that is to be disturbed for a moment. */
export interface StandstillRequest {
  readonly layout: StoreLayout;
  readonly dir: InstanceDir;
  /** The only connection to its QEMU. */
  readonly client: QmpClient;
  /** Whether the guest runs, and is to run on: it may have been told to stand still before. */
  readonly isRunning: boolean;
  /** As of {@link startGuard}. */
  readonly program: readonly string[];
  /** Whether its agent is left alone: what is frozen in a memory that is saved would be frozen again later. */
  readonly isAgentLeft?: boolean | undefined;
  /** What else is done at the moment that is copied, with the processors of the guest standing still. */
  readonly whileStill?: (() => Promise<void>) | undefined;
  readonly work: Work;
}

/** A guest that can be made to stand still. */
export interface Standing {
  /**
   * Has the guest freeze its file systems, where its agent answers, does something, and has it thaw them.
   * @param how `stopped`: the guest's processors stand still meanwhile, too, and all that it wrote is in its disk;
   *   `running`: they go on
   */
  readonly atOneMoment: (how: 'stopped' | 'running', act: () => Promise<void>) => Promise<Moment>;
}

/**
 * Lets `work` do something to the disk of a running instance, such that whatever happens, an error, a kill of this
 * process or of QEMU, the instance has one head and its guest runs on. The caller holds its live lock, and for a
 * snapshot that of its mounts, too: its spec is changed.
 * @param step what is put on record for that; `resume` and `thaw` are filled in
 * @throws what `work` throws; MultipassError as {@link settleRunning}, DISK_FULL before anything was done
 */
export async function withStandstill<T>(
  request: StandstillRequest,
  step:
    | Omit<Extract<RunningStep, { operation: 'freeze' }>, 'resume' | 'thaw'>
    | Omit<Extract<RunningStep, { operation: 'live-snapshot' }>, 'resume' | 'thaw'>
    | Omit<Extract<RunningStep, { operation: 'live-delete' }>, 'resume' | 'thaw'>
    | { operation: 'still' },
  work: (standing: Standing) => Promise<T>,
): Promise<T> {
  const { layout, dir, client, isRunning, program } = request;
  await using agent = await findAgent(request);
  const pending = { ...step, resume: isRunning, thaw: agent !== null };
  const guard = await startGuard({ layout, name: dir.name, program });
  try {
    await replaceRecord(
      dir.pending,
      encodePending({ step: pending, spec: null, snapshots: new Map() }),
    );
  } catch (error) {
    await rm(dir.pending, { force: true });
    guard.dismiss();
    throw error;
  }
  let result: T;
  let consistency: Moment['consistency'] | undefined;
  try {
    result = await work({
      atOneMoment: async (how, act) => {
        const moment = await atOneMoment(request, agent, how, act);
        ({ consistency } = moment);
        return moment;
      },
    });
  } catch (error) {
    // QEMU may be gone, or the disk: then it is settled by the guard, or the next command. This error says why.
    await settleRunning(dir, client, { agent })
      .then(async () => await keepRecords(dir, frozenOrNot(consistency)))
      .then(guard.dismiss, () => undefined);
    throw error;
  }
  const isThawed = await settleRunning(dir, client, { agent });
  await keepRecords(dir, frozenOrNot(consistency));
  guard.dismiss();
  if (!isThawed) {
    request.work.warn(
      `the agent in "${dir.name}" has not said that its file systems are thawed: see that they are, with ` +
        '`sudo fsfreeze --unfreeze /` in it',
    );
  }
  return result;
}

function frozenOrNot(consistency: Moment['consistency'] | undefined): 'frozen' | 'crash' {
  return consistency === 'frozen' ? 'frozen' : 'crash';
}

/** Where nobody has opened the port in the guest there is nobody to wait for. */
async function findAgent({
  dir,
  client,
  isRunning,
  isAgentLeft = false,
}: StandstillRequest): Promise<GuestAgent | null> {
  if (!isRunning || isAgentLeft || !(await isPortOpen(client, AGENT_PORT))) return null;
  return await GuestAgent.find(dir.run, RUN_SOCKETS.agent);
}

async function atOneMoment(
  { client, isRunning, whileStill, work }: StandstillRequest,
  agent: GuestAgent | null,
  how: 'stopped' | 'running',
  act: () => Promise<void>,
): Promise<Moment> {
  work.throwIfAborted();
  const began = performance.now();
  const isFrozen = agent !== null && (await agent.freeze());
  const isStill = isRunning && (how === 'stopped' || whileStill !== undefined);
  if (isStill) await client.execute('stop');
  await act();
  await whileStill?.();
  if (isStill) await client.execute('cont');
  if (isFrozen) await agent.thaw();
  const pauseMs = Math.round((performance.now() - began) * 10) / 10;
  return { consistency: isFrozen ? 'frozen' : 'crash', pauseMs };
}
