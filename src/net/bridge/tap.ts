import { createHash } from 'node:crypto';
import type { NetPlace } from '../net-place.js';
import { networkTool } from './network-tool.js';

/** Names of interfaces have at most 15 characters. */
const HASH_DIGITS = 10;

/**
 * The name of the tap behind an instance's interface: always the same, and no other instance's.
 * @param index of the interface, 0 to 99
 */
export function tapName(uuid: string, index: number): string {
  const hash = createHash('sha256').update(uuid).digest('hex').slice(0, HASH_DIGITS);
  return `mp${hash}-${index}`;
}

/** What all names of taps of ours are like. */
export const OWN_TAP = /^mp[0-9a-f]{10}-\d{1,2}$/;

/** True for the name of a tap of ours. */
export function isOwnTap(name: string): boolean {
  return OWN_TAP.test(name);
}

/** Which tap goes into which bridge. */
export interface Plug extends NetPlace {
  readonly tap: string;
  readonly bridge: string;
}

/**
 * Plugs a tap, or the host's end of a cable ({@link layCable}), into a bridge, and sets it up. The kernel unplugs and
 * removes it when QEMU ends, however that comes.
 * @throws MultipassError NETWORK_FAILED when either is not there, NETWORK_UNAVAILABLE
 */
export async function plugIn(plug: Plug): Promise<void> {
  const { tap, bridge } = plug;
  const args = ['link', 'set', 'dev', tap, 'master', bridge, 'up'];
  await networkTool('ip', args, `plug "${tap}" into the bridge "${bridge}"`, plug);
}
