import { rm } from 'node:fs/promises';
import { hasCode } from '../../errors.js';
import { sleep } from '../../abort.js';
import { resetMachine } from '../../qemu/reset-machine.js';
import { runStateOf } from '../../qemu/run-state.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { requireGuest } from '../guest/open-guest.js';
import { runInGuest, type Guest } from '../guest/ssh.js';
import { activateMounts } from '../mounts/activate-mounts.js';
import { endKeepers } from '../mounts/keeper.js';
import { Work } from '../../work.js';
import { lookAt } from '../open.js';
import type { InstanceReading } from '../read-instance.js';
import { prepareStore } from '../sweep.js';
import { INTERRUPTED, letRun, openMonitor } from './monitor.js';
import { noteWork } from './note-work.js';
import { noteStopAt } from '../records/stop-record.js';
import type { StartInstanceRequest, StartOptions } from './start-instance.js';
import { waitForGuest, withDeadline } from './wait-for-guest.js';

const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id';
/** In the background: a guest that goes down in the middle of a connection leaves ssh waiting for it. */
const REBOOT =
  "sudo -n sh -c 'command -v reboot >/dev/null || exit 1; (sleep 1; exec reboot) </dev/null >/dev/null 2>&1 &'";
const PAUSE_MS = 500;

/** How an instance is restarted. */
export interface RestartOptions extends StartOptions {
  /** True: the machine is reset, and its guest not asked; what that has not written to its disk is lost. */
  readonly force?: boolean | undefined;
}

/** What is restarted, and how. */
export interface RestartRequest extends StartInstanceRequest, RestartOptions {}

/**
 * Reboots a running instance from inside, or resets its machine, waits until it can be entered again, and mounts its
 * mounts. Its QEMU stays the same.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_RUNNING; TIMED_OUT, QMP_FAILED, ABORTED;
 *   SSH_FAILED, GUEST_SILENT when its guest cannot be asked
 */
export async function restartInstance(request: RestartRequest): Promise<void> {
  const { layout, name, force = false } = request;
  const work = Work.of(request.work);
  const reading = lookAt(layout, name, { for: 'restart', states: ['Running'] });
  await prepareStore(layout, { exists: true });
  work.begin('starting', name);
  await using note = await noteWork(layout, name, 'restart');
  const about = { ...request, reading, work };
  const guest = force ? await reset(about) : await reboot(about);
  // It has not survived the guest that remembered it.
  await noteStopAt(reading.dir, null);
  await activateMounts({ guest, reading, work });
}

interface Restart extends RestartRequest {
  readonly reading: InstanceReading;
  readonly work: Work;
}

async function reboot({ layout, name, timeoutMs, reading, work }: Restart): Promise<Guest> {
  const guest = await requireGuest(layout, reading);
  const before = await bootIdOf(guest, work.signal);
  // They would mount again in an order of their own.
  await endKeepers(reading.dir);
  await runInGuest(guest, REBOOT, work);
  return await withDeadline({ layout, name, timeoutMs, work }, async (deadline) => {
    for (;;) {
      const entered = await waitForGuest({ layout, reading, timeoutMs, work: deadline });
      if ((await tryBootId(entered, deadline.signal)) !== before) return entered;
      await deadline.sleep(PAUSE_MS);
    }
  });
}

/** Nobody who answers afterwards is the guest that there was: its connections are gone with it. */
async function reset({ layout, timeoutMs, reading, work }: Restart): Promise<Guest> {
  const { dir } = reading;
  await endKeepers(dir);
  await pressReset(dir, work.signal);
  return await waitForGuest({ layout, reading, timeoutMs, work });
}

async function pressReset(dir: InstanceDir, signal: AbortSignal | undefined): Promise<void> {
  await using client = await openMonitor(dir, signal);
  await resetMachine(client);
  // Should we be killed now, the instance is starting.
  await rm(dir.answered, { force: true });
  if (INTERRUPTED.has(await runStateOf(client))) await letRun(dir, client);
}

async function bootIdOf(guest: Guest, signal: AbortSignal | undefined): Promise<string> {
  return (await runInGuest(guest, BOOT_ID, { signal })).stdout.trim();
}

/** A guest on its way down may hang up in the middle: then it is the old one still. */
async function tryBootId(guest: Guest, signal: AbortSignal): Promise<string> {
  for (;;) {
    try {
      return await bootIdOf(guest, signal);
    } catch (error) {
      if (!hasCode(error, 'SSH_FAILED')) throw error;
      await sleep(PAUSE_MS, signal);
    }
  }
}
