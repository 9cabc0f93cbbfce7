import { MultipassError } from '../../errors.js';
import { runStateOf, standstillOf } from '../../qemu/run-state.js';
import type { Work } from '../../work.js';
import { standsStill } from '../guest/standing-still.js';
import { endLeftJobs } from '../live/live-jobs.js';
import { settleRunning } from '../live/settle-running.js';
import type { StandstillRequest } from '../live/standstill.js';
import type { OpenedInstance } from '../open.js';
import { endLeft } from './end-left.js';
import { endLiveProgram } from './end-live.js';
import { openMonitor } from './monitor.js';

/** What a running source is copied with. */
export interface RunningSourceRequest {
  readonly opened: OpenedInstance;
  readonly work: Work;
}

/**
 * Does something with the QEMU of a running instance, alone with it, once what killed commands left there is in order.
 * The caller holds the live lock.
 * @throws MultipassError INSTANCE_NOT_RUNNING, QMP_FAILED; DISK_FULL or IO_ERROR for a guest that stands still; what
 *   `use` throws
 */
export async function withRunning<T>(
  { opened, work }: RunningSourceRequest,
  use: (request: StandstillRequest) => Promise<T>,
): Promise<T> {
  const { layout, reading } = opened;
  const { dir, name } = reading;
  await endLeft(dir, work);
  await using client = await openMonitor(dir, work.signal);
  await settleRunning(dir, client);
  await endLeftJobs(client);
  const why = await standstillOf(client);
  if (why !== null) throw standsStill(dir, why);
  const state = await runStateOf(client);
  if (!['running', 'paused', 'prelaunch'].includes(state)) {
    throw new MultipassError(
      'QMP_FAILED',
      `"${name}" cannot be copied now: its QEMU is "${state}"`,
      {
        hint: 'Try again in a moment.',
        details: { name, state },
      },
    );
  }
  return await use({
    layout,
    dir,
    client,
    isRunning: state === 'running',
    program: endLiveProgram(),
    work,
  });
}
