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

/** A guest that has not finished its first boot in time. It goes on, so the instance is to be kept. */
export class StillInitializing extends MultipassError {
  override readonly name = 'StillInitializing';

  constructor(instance: string, cause: unknown) {
    super('TIMED_OUT', 'timed out waiting for initialization to complete', {
      hint: `"${instance}" is running and goes on: see \`multipass exec ${instance} -- cloud-init status --long\`.`,
      details: { name: instance },
      cause,
    });
  }
}

/**
 * Waits until cloud-init has finished the first boot.
 * @throws StillInitializing when the guest takes longer; MultipassError QEMU_FAILED when it ended meanwhile; ABORTED
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
    throw new StillInitializing(name, error);
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
    hint: 'See at the end of its console why it shut down: its cloud-init may have told it to.',
    details: { name },
  });
}
