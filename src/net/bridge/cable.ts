import { geteuid } from 'node:process';
import { sleep } from '../../abort.js';
import { hasCode, MultipassError } from '../../errors.js';
import type { NetPlace } from '../net-place.js';
import { ipJson, networkProgram, networkTool } from './network-tool.js';

/** Between which network namespace and that of a bridge a cable is laid. */
export interface CableRequest extends NetPlace {
  /** Name of both ends of it: the tap there, and the interface here, which is plugged into a bridge. */
  readonly tap: string;
  /** A process that is in that namespace, which no other is: it becomes QEMU. */
  readonly pid: number;
  /** Tells the machine's cables apart, each of which is a network of its own. */
  readonly index: number;
}

/**
 * There: a tap that the user whom we are may open without any rights, and one end of a pair of interfaces, on a bridge
 * of theirs. None has an address, so that whatever else is sent in there goes nowhere, and the host is not heard on it.
 */
const LAY = `
tap=$1 user=$2 out=$3 inside=$4
"$ip" -batch - <<END
tuntap add dev $tap mode tap user $user
link add name $inside type bridge
link set dev $inside addrgenmode none
link set dev $out addrgenmode none
link set dev $tap addrgenmode none
link set dev $inside up
link set dev $out master $inside up
link set dev $tap master $inside up
END`;

const POLL_MS = 20;
const BOTH_ENDS = `
ip=$1 pid=$2 lay=$3 tap=$4 out=$6
shift 3
"$ip" link add name "$tap" type veth peer name "$out" netns "$pid" &&
export ip && exec nsenter --target "$pid" --net -- /bin/sh -c "$lay" sh "$@"`;

/** How long the kernel may take to remove what belonged to processes that have ended; it took 50 ms when tried. */
const REMOVED_WITHIN_MS = 5000;

/**
 * Lays a cable to a QEMU that has a network namespace of its own: so it needs neither the host's network nor the right
 * to change it. `plugIn` plugs the end on this side, which has the tap's name, into its bridge: the firewall's rules
 * for that name hold. The kernel removes all of it with the namespace, when QEMU has ended, however that comes.
 * @throws MultipassError NETWORK_FAILED when there is an interface of that name, NETWORK_UNAVAILABLE, ABORTED
 */
export async function layCable(request: CableRequest): Promise<void> {
  const { tap, pid, index, signal } = request;
  const end = performance.now() + REMOVED_WITHIN_MS;
  // Who is root in the bridge's namespace is us.
  const user = request.through === undefined ? (geteuid?.() ?? 0) : 0;
  const words = [LAY, tap, String(user), `out${index}`, `inside${index}`];
  const script = [BOTH_ENDS, 'sh', networkProgram('ip'), String(pid), ...words];
  for (;;) {
    try {
      await networkTool('/bin/sh', ['-c', ...script], `lay the cable "${tap}"`, request);
      return;
    } catch (error) {
      // The kernel may be about to remove what an earlier run had.
      if (!hasCode(error, 'NETWORK_FAILED') || !error.message.includes(': File exists'))
        throw error;
      if (performance.now() > end) throw nameTaken(tap);
      await removeLeft(request);
      await sleep(POLL_MS, signal);
    }
  }
}

/**
 * Removes a cable that was never plugged in. Its guest was ended while it was alone, and the kernel keeps the
 * namespace, for minutes, for a connection that has not come to its end. One that is plugged in goes by itself, or is
 * somebody's.
 */
async function removeLeft({ tap, ...place }: CableRequest): Promise<void> {
  const words = ['-details', 'link', 'show', 'dev', tap];
  const [link] = await ipJson(words, `look at "${tap}"`, place).catch(() => []);
  if (link === undefined || !isUnplugged(link)) return;
  await networkTool('ip', ['link', 'delete', 'dev', tap], `remove "${tap}"`, place).catch(
    // The kernel was faster.
    () => undefined,
  );
}

function isUnplugged({ flags, master, linkinfo }: Readonly<Record<string, unknown>>): boolean {
  const isCable = JSON.stringify(linkinfo ?? null).includes('"info_kind":"veth"');
  return isCable && Array.isArray(flags) && !flags.includes('UP') && master === undefined;
}

function nameTaken(tap: string): MultipassError {
  return new MultipassError('NETWORK_FAILED', `the interface "${tap}" of this host is in use`, {
    hint:
      'An instance of the same uuid runs, in a copy of this store: stop it there, or give this one a new identity ' +
      'with `multipass adopt` or `multipass clone`.',
    details: { interface: tap },
  });
}
