import { ExecError, MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { requireGuest } from '../guest/open-guest.js';
import { runInGuest } from '../guest/ssh.js';
import { instanceNotRunning } from '../instance-errors.js';
import { readInstance } from '../read-instance.js';
import type { WorkOptions } from '../upkeep.js';

/** Which instance is to be stopped later, or not any more. */
export interface ScheduleRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly name: string;
  /** Whole minutes from now; null: what was scheduled is cancelled. */
  readonly minutes: number | null;
}

/**
 * Has a running guest shut itself down later: there is no daemon that could remember, but the guest can, and tells those
 * who are logged in.
 * @throws MultipassError INSTANCE_NOT_RUNNING; SSH_FAILED, GUEST_SILENT; TOOL_FAILED when the guest cannot do that
 */
export async function scheduleStop(request: ScheduleRequest): Promise<void> {
  const { layout, name, minutes, signal } = request;
  const reading = readInstance(layout, name);
  if (reading.state !== 'Running') throw instanceNotRunning(name);
  const guest = await requireGuest(layout, reading);
  const words = minutes === null ? '-c' : `-P +${minutes}`;
  try {
    await runInGuest(guest, `sudo -n shutdown ${words}`, { signal });
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    throw new MultipassError('TOOL_FAILED', `the guest of "${name}" cannot schedule its shutdown`, {
      hint: "It needs systemd's `shutdown`; stop it at once with `multipass stop`.",
      details: { name },
      cause: error,
    });
  }
}
