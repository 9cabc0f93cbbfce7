import { geteuid } from 'node:process';
import type { NetPlace } from '../net-place.js';
import { networkProgram, networkTool } from './network-tool.js';

/** A tap that a QEMU with a network namespace of its own finds there, and that leads to nobody but us. */
export interface LoneTapRequest extends NetPlace {
  /** A process that is in that namespace, which no other is: it becomes QEMU. */
  readonly pid: number;
  /** Tells the machine's taps apart. */
  readonly index: number;
  /** The guest's address; null: nobody enters it by this card. */
  readonly address: string | null;
}

/** What the tap of a card is called in its namespace. */
export function loneTapName(index: number): string {
  return `lone${index}`;
}

/**
 * A connection whose other side is gone with its card would keep the namespace for a minute after QEMU has ended, and
 * with it the cable, which the next start finds in its place. Where that cannot be changed, it is waited for.
 */
const FORGET_SOON = 'echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries';

const LAY = `
ip=$1 pid=$2 tap=$3 user=$4 address=$5
nsenter --target "$pid" --net -- /bin/sh -c '${FORGET_SOON}' 2>/dev/null || :
exec nsenter --target "$pid" --net -- "$ip" -batch - <<END
tuntap add dev $tap mode tap user $user
link set dev $tap addrgenmode none
link set dev $tap up
\${address:+addr add $address dev $tap}
END`;

/**
 * Makes a tap in the namespace of a QEMU that is about to be one, with an address from which the guest is entered: one
 * that it cannot know from before. The kernel removes it with the namespace.
 * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, ABORTED
 */
export async function layLoneTap(request: LoneTapRequest): Promise<void> {
  const { pid, index, address } = request;
  const user = request.through === undefined ? (geteuid?.() ?? 0) : 0;
  const ours = address === null ? '' : `${besides(address)}/24`;
  const words = [String(pid), loneTapName(index), String(user), ours];
  const script = [LAY, 'sh', networkProgram('ip'), ...words];
  await networkTool('/bin/sh', ['-c', ...script], `make the tap "${loneTapName(index)}"`, request);
}

function besides(address: string): string {
  const last = address.endsWith('.254') ? '253' : '254';
  return address.replace(/\d+$/, last);
}
