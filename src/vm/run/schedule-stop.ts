import { ExecError, MultipassError } from '../../errors.js';
import { requireGuest } from '../guest/open-guest.js';
import { runInGuest, shellWord } from '../guest/ssh.js';
import { instanceNotRunning } from '../errors.js';
import { Work } from '../../work.js';
import type { InstanceRequest } from '../instance-request.js';
import { lookAt } from '../open.js';
import { noteStopAt } from '../records/stop-record.js';

/** Which instance is to be stopped later, or not any more. */
export interface ScheduleRequest extends InstanceRequest {
  /** Whole minutes from now; null: what was scheduled is cancelled. */
  readonly minutes: number | null;
}

/**
 * Has a running guest shut itself down later: there is no daemon that could remember, but the guest can, and tells
 * those who are logged in. The last one scheduled counts; to cancel what is not scheduled is no error.
 * @throws MultipassError INSTANCE_NOT_RUNNING; SSH_FAILED, GUEST_SILENT; TOOL_FAILED when the guest cannot do that
 */
export async function scheduleStop(request: ScheduleRequest): Promise<void> {
  const { layout, name, minutes } = request;
  const reading = lookAt(layout, name, {
    for: 'stop',
    states: ['Running'],
    disk: 'any',
    refuseDeleted: instanceNotRunning,
  });
  const guest = await requireGuest(layout, reading);
  const script = minutes === null ? CANCEL : scheduleIn(minutes, name);
  try {
    await runInGuest(guest, `sudo -n sh -c ${shellWord(script)}`, Work.of(request.work));
    await noteStopAt(reading.dir, minutes);
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    throw new MultipassError('TOOL_FAILED', `the guest of "${name}" cannot schedule its shutdown`, {
      hint:
        'Stop it without a delay (`multipass stop`): a delay needs systemd there, or a `shutdown` that takes ' +
        'minutes.',
      details: { name },
      cause: error,
    });
  }
}

const UNIT = 'multipass-stop';
const HAS_SYSTEMD = '[ -d /run/systemd/system ]';

/**
 * Not by systemd's own `shutdown`: that lets nobody but root log in for the last five minutes, so that neither the user
 * nor `--cancel` could get in.
 */
function scheduleIn(minutes: number, name: string): string {
  const words = `${name} stops in ${minutes} min. Keep it: multipass stop --cancel ${name}`;
  return `if ${HAS_SYSTEMD}; then
  systemctl -q stop ${UNIT}.timer 2>/dev/null
  systemd-run -q --collect --unit=${UNIT} --on-active=${minutes}m \\
    --timer-property=AccuracySec=1s systemctl poweroff || exit
  wall ${shellWord(words)} 2>/dev/null || true
else
  shutdown -P +${minutes}
fi`;
}

const CANCEL = `if ${HAS_SYSTEMD}; then
  systemctl -q stop ${UNIT}.timer 2>/dev/null || true
else
  shutdown -c
fi`;
