import { geteuid } from 'node:process';
import { sleep } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import { linkNamed } from './link.js';
import { networkTool } from './network-tool.js';

/** Between which network namespace and ours a cable is laid. */
export interface CableRequest {
  /** Name of both ends of it: the tap there, and the interface here, which is plugged into a bridge. */
  readonly tap: string;
  /** A process that is in that namespace, which no other is: it becomes QEMU. */
  readonly pid: number;
  /** Tells the machine's cables apart, each of which is a network of its own. */
  readonly index: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * There: a tap that the user whom we are may open without any rights, and one end of a pair of interfaces, on a bridge
 * of theirs. None has an address, so that whatever else is sent in there goes nowhere, and the host is not heard on it.
 */
const LAY = `
tap=$1 user=$2 out=$3 inside=$4
ip tuntap add dev "$tap" mode tap user "$user" &&
ip link add name "$inside" type bridge || exit
for one in "$inside" "$out" "$tap"; do
  ip link set dev "$one" addrgenmode none || exit
done
ip link set dev "$inside" up &&
ip link set dev "$out" master "$inside" up &&
ip link set dev "$tap" master "$inside" up`;

const POLL_MS = 20;
/** How long the kernel may take to remove what belonged to processes that have ended; it took 50 ms when tried. */
const REMOVED_WITHIN_MS = 5000;

/**
 * Lays a cable to a QEMU that has a network namespace of its own: so it needs neither the host's network nor the right
 * to change it. `plugIn` plugs the end on this side, which has the tap's name, into its bridge: the firewall's rules
 * for that name hold. The kernel removes all of it with the namespace, when QEMU has ended, however that comes.
 * @throws MultipassError NETWORK_FAILED when there is an interface of that name, NETWORK_UNAVAILABLE, ABORTED
 */
export async function layCable({ tap, pid, index, signal }: CableRequest): Promise<void> {
  if (!(await isGoneSoon(tap, signal))) throw nameTaken(tap);
  const doing = `lay the cable "${tap}"`;
  const out = `out${index}`;
  const ends = ['name', tap, 'type', 'veth', 'peer', 'name', out, 'netns', String(pid)];
  await networkTool('ip', ['link', 'add', ...ends], doing, { signal });
  const there = ['--target', String(pid), '--net', '--'];
  const words = [tap, String(geteuid?.() ?? 0), out, `inside${index}`];
  await networkTool('nsenter', [...there, '/bin/sh', '-c', LAY, 'sh', ...words], doing, { signal });
}

/** Whether no interface has that name, once the kernel has removed what an earlier run had. */
async function isGoneSoon(tap: string, signal?: AbortSignal): Promise<boolean> {
  const end = performance.now() + REMOVED_WITHIN_MS;
  while ((await linkNamed(tap, signal)) !== undefined) {
    if (performance.now() > end) return false;
    await sleep(POLL_MS, signal);
  }
  return true;
}

function nameTaken(tap: string): MultipassError {
  return new MultipassError('NETWORK_FAILED', `the interface "${tap}" of this host is in use`, {
    hint:
      'An instance of the same uuid runs, in a copy of this store: stop it there, or give this one a new identity ' +
      'with `multipass adopt` or `multipass clone`.',
    details: { interface: tap },
  });
}
