import { hasCode } from '../../errors.js';
import { sleep } from '../../abort.js';
import { requireGuest } from '../guest/open-guest.js';
import { runInGuest, type Guest } from '../guest/ssh.js';
import { activateMounts } from '../mounts/activate-mounts.js';
import { endKeepers } from '../mounts/keeper.js';
import { Work } from '../../work.js';
import { lookAt } from '../open.js';
import { prepareStore } from '../sweep.js';
import { noteWork } from './note-work.js';
import type { StartInstanceRequest } from './start-instance.js';
import { waitForGuest, withDeadline } from './wait-for-guest.js';

const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id';
/** In the background: a guest that goes down in the middle of a connection leaves ssh waiting for it. */
const REBOOT =
  "sudo -n sh -c 'command -v reboot >/dev/null || exit 1; (sleep 1; exec reboot) </dev/null >/dev/null 2>&1 &'";
const PAUSE_MS = 500;

/**
 * Reboots a running instance from inside, waits until it can be entered again, and mounts its mounts. Its QEMU stays
 * the same.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_RUNNING; TIMED_OUT, SSH_FAILED, ABORTED
 */
export async function restartInstance(request: StartInstanceRequest): Promise<void> {
  const { layout, name, timeoutMs } = request;
  const work = Work.of(request.work);
  const reading = lookAt(layout, name, { for: 'restart', states: ['Running'] });
  await prepareStore(layout, { exists: true });
  work.begin('starting', name);
  await using note = await noteWork(layout, name, 'restart');
  const guest = await requireGuest(layout, reading);
  const before = await bootIdOf(guest, work.signal);
  // They would mount again in an order of their own.
  await endKeepers(reading.dir);
  await runInGuest(guest, REBOOT, work);
  const again = await withDeadline({ layout, name, timeoutMs, work }, async (deadline) => {
    for (;;) {
      const entered = await waitForGuest({ layout, reading, timeoutMs, work: deadline });
      if ((await tryBootId(entered, deadline.signal)) !== before) return entered;
      await deadline.sleep(PAUSE_MS);
    }
  });
  await activateMounts({ guest: again, reading, work });
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
