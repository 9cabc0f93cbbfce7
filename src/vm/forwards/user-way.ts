import { isListening } from '../../net/listeners.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { openMonitor } from '../open-monitor.js';
import { runningQemu } from '../read-instance.js';
import type { Forward } from '../records/forward.js';
import { forwardRefused, placeOf, whyNot } from './forward-errors.js';
import type { ForwardWay, RefusedForward } from './forward-way.js';

/** QEMU's name of the first card's network. */
const NETDEV = 'net0';

/** Into an instance on QEMU's own network: QEMU itself listens, and connects to the address that its DHCP gives. */
export function userWay(dir: InstanceDir, signal?: AbortSignal): ForwardWay {
  const isActive = (forward: Forward): boolean => {
    const pid = runningQemu(dir);
    return pid !== undefined && isListening(pid, placeOf(forward));
  };
  return {
    async apply(forwards) {
      const wanted = forwards.filter((forward) => !isActive(forward));
      if (wanted.length === 0) return [];
      const refused: RefusedForward[] = [];
      await using client = await openMonitor(dir, signal);
      for (const forward of wanted) {
        // QEMU says no more than that it could not.
        const problem = await whyNot(forward);
        const { guestPort } = forward;
        const words =
          problem === undefined
            ? await tell(client, `hostfwd_add ${NETDEV} ${ruleOf(forward)}-:${guestPort}`)
            : '';
        const error = problem ?? (words === '' ? undefined : forwardRefused(forward, words));
        if (error !== undefined) refused.push({ forward, error });
      }
      return refused;
    },

    async remove(forwards) {
      const there = forwards.filter(isActive);
      if (there.length === 0) return;
      await using client = await openMonitor(dir, signal);
      for (const forward of there)
        await tell(client, `hostfwd_remove ${NETDEV} ${ruleOf(forward)}`);
    },

    active: (forwards) => Promise.resolve(forwards.filter(isActive)),
  };
}

function ruleOf({ protocol, address, hostPort }: Forward): string {
  return `${protocol}:${address}:${hostPort}`;
}

/** @returns what QEMU says to it: nothing is success, for errors of these commands come as text */
async function tell(
  client: Awaited<ReturnType<typeof openMonitor>>,
  line: string,
): Promise<string> {
  const said = await client.execute('human-monitor-command', { 'command-line': line });
  return typeof said === 'string' ? said.trim() : '';
}
