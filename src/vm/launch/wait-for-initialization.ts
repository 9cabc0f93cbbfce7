import { MultipassError, hasCode } from '../../errors.js';
import { runInGuest, type Guest } from '../guest/ssh.js';
import { isRunning } from '../read-instance.js';
import { withDeadline, type DeadlineRequest } from '../run/wait-for-guest.js';

/** Which guest is waited for. */
export interface InitializationRequest extends DeadlineRequest {
  readonly guest: Guest;
}

const PAUSE_MS = 1000;

/** What cloud-init leaves when it is done, whatever came of it. */
const IS_DONE = '[ -e /var/lib/cloud/instance/boot-finished ]';

/**
 * Waits until cloud-init has finished the first boot.
 * @throws MultipassError TIMED_OUT with `kept: true` in its details, for the guest works on; QEMU_FAILED when it ended
 *   meanwhile; ABORTED
 */
export async function waitForInitialization(request: InitializationRequest): Promise<void> {
  const { guest, name } = request;
  try {
    await withDeadline(request, async (deadline) => {
      while (!(await isDone(guest, deadline.signal))) {
        if (!isRunning(guest.dir)) throw endedMeanwhile(name);
        await deadline.sleep(PAUSE_MS);
      }
    });
  } catch (error) {
    if (!hasCode(error, 'TIMED_OUT')) throw error;
    throw new MultipassError('TIMED_OUT', 'timed out waiting for initialization to complete', {
      hint: `"${name}" is running and goes on: see \`multipass exec ${name} -- cloud-init status --long\`.`,
      details: { name, kept: true },
      cause: error,
    });
  }
}

/** A guest may reboot, or restart its ssh server, while it sets itself up. */
async function isDone(guest: Guest, signal: AbortSignal): Promise<boolean> {
  try {
    return (await runInGuest(guest, IS_DONE, { signal, okExitCodes: [0, 1] })).exitCode === 0;
  } catch (error) {
    if (!hasCode(error, 'SSH_FAILED')) throw error;
    return false;
  }
}

function endedMeanwhile(name: string): MultipassError {
  return new MultipassError('QEMU_FAILED', `Instance shutdown during start of "${name}"`, {
    details: { name },
  });
}
