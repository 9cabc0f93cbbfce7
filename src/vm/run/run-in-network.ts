import { realpathSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { getegid, geteuid } from 'node:process';
import { replaceFile } from '../../files/draft.js';
import { runAttached } from '../../process/attach.js';
import type { StoreLayout } from '../../store/layout.js';
import type { BridgeRecord } from '../../net/bridge/bridge-record.js';
import { Work } from '../../work.js';
import { applyAllForwards } from '../forwards/apply-forwards.js';
import { aloneOnNetwork } from '../network/network-lock.js';
import { openShared } from '../network/shared-network.js';

/** What is run in a store's shared network. */
export interface RunInNetworkRequest {
  readonly layout: StoreLayout;
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly hostLoopback: boolean;
  readonly signal?: AbortSignal | undefined;
}

const RESOLVER = '/etc/resolv.conf';
/** What asks systemd-resolved for names goes past the resolver's file. */
const RESOLVED = '/run/systemd/resolve/io.systemd.Resolve';

/**
 * In a mount namespace of its own the program finds another resolver, and who was root to set that up is again who he
 * is: with the ids that his files have, and without any right.
 */
const RUN = `
resolver=$1 ours=$2 resolved=$3 user=$4 group=$5
shift 5
mount --bind "$ours" "$resolver" || exit 125
[ -z "$resolved" ] || mount --bind /dev/null "$resolved" || exit 125
[ "$user" = 0 ] && exec "$@"
exec unshare --user "--map-user=$user" "--map-group=$group" -- "$@"`;

/**
 * Runs a program of the user's in the network that the store's instances share, on this process's own streams: it
 * reaches their addresses, and finds them by name. The network is brought up for it when it is not, and stays for as
 * long as it runs.
 * @returns its exit code; 127 when there is no such program
 * @throws MultipassError NETWORK_UNAVAILABLE, NETWORK_FAILED, TOOL_MISSING, ABORTED
 */
export async function runInNetwork(request: RunInNetworkRequest): Promise<number> {
  const { layout, command, hostLoopback, signal } = request;
  await using network = await openShared({ layout, hostLoopback, signal });
  if (network.isWayOutNew) await applyAllForwards(layout, Work.of({ signal }));
  const ours = join(layout.sharedNetwork, 'resolv.conf');
  // Another command may write it just now.
  await aloneOnNetwork(layout, signal, async () => {
    await replaceFile(ours, resolverText(network.record));
  });
  const ids = [geteuid?.() ?? 0, getegid?.() ?? 0].map(String);
  const resolved = existsSync(RESOLVED) ? RESOLVED : '';
  const words = ['-c', RUN, 'sh', realpathSync(RESOLVER), ours, resolved, ...ids, ...command];
  const [file = '', ...args] = [
    ...(network.place.through ?? []),
    ...['unshare', '--mount', '--', '/bin/sh', ...words],
  ];
  return await runAttached(file, args, { cwd: process.cwd(), signal });
}

function resolverText({ subnet }: BridgeRecord): string {
  return `nameserver ${subnet.address(1)}\nsearch multipass\n`;
}
