import { WRITE_PID_FILE } from '../../process/detach.js';
import type { BridgeRecord } from '../bridge/bridge-record.js';
import type { KnownGuest } from '../bridge/known-guests.js';
import { networkScript } from '../bridge/nft-table.js';
import { pinScript } from '../bridge/pin-table.js';

/** Names of a shared network's files in its folder. */
export const SHARED_FILES = {
  /** Every machine on the network holds a shared lock on it; the holder waits for an exclusive one. */
  alive: 'alive',
  /** Who waits. */
  holder: 'holder.pid',
  holderLog: 'holder.log',
  /** The way out, a slirp4netns, and where it is told of ports. */
  wayOut: 'slirp.pid',
  wayOutSocket: 'slirp.sock',
  wayOutLog: 'slirp.log',
} as const;

/** The descriptor whose closing says that the network is made. */
const READY_FD = 3;

const PATH = 'PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin; export PATH';

/** Ends whom a pid file names, if that very one lives: field 22 of /proc/PID/stat tells it from a later one. */
const END_NOTED = `
endNoted() {
  read -r _ pid _ started _ 2>/dev/null <"$1" || return 0
  pid=\${pid%,} started=\${started#\\"} started=\${started%\\",}
  read -r stat 2>/dev/null <"/proc/$pid/stat" || return 0
  set -- \${stat##*) }
  [ "$#" -ge 20 ] && shift 19 && [ "$1" = "$started" ] && kill "$pid"
}`;

/**
 * What is done when the last machine on the network has ended, however it came, under the exclusive lock: nobody can
 * count on the network then who would not see that it is gone.
 */
const END = `${END_NOTED}
endNoted ${SHARED_FILES.wayOut}
read -r dns 2>/dev/null <dnsmasq.pid &&
  [ "$(cat "/proc/$dns/comm" 2>/dev/null)" = dnsmasq ] &&
  [ "$(readlink "/proc/$dns/ns/net")" = "$(readlink /proc/self/ns/net)" ] && kill "$dns"
rm -f ${SHARED_FILES.holder} ${SHARED_FILES.wayOut} ${SHARED_FILES.wayOutSocket} dnsmasq.pid
`;

/**
 * Shell, for the folder of a network: notes who it is, says that all is ready, and becomes a \`flock\` which holds the
 * namespace until the last machine's lock is gone.
 */
const HOLD = `
pidfile=${SHARED_FILES.holder}
${WRITE_PID_FILE} || exit
exec ${READY_FD}>&-
exec flock --exclusive ${SHARED_FILES.alive} /bin/sh -c "$1"`;

/** Without the second table guests could claim any address: a kernel may know none for bridges. */
const FIREWALL = `
nft "$2" || exit
nft "$3" || echo "guests can claim any address" >&2`;

/** What brings up a network in a namespace that has none. */
function setUp({ bridge, subnet, mac }: BridgeRecord): string {
  const gateway = `${subnet.address(1)}/${subnet.prefix}`;
  return `
ip link set dev lo up &&
{ ip link show dev ${bridge} >/dev/null 2>&1 ||
  ip link add name ${bridge} address ${mac.toString()} type bridge; } &&
ip address replace ${gateway} broadcast ${subnet.address(255)} dev ${bridge} &&
ip link set dev ${bridge} up &&
echo 1 >/proc/sys/net/ipv4/ip_forward || exit`;
}

/**
 * The words of a shell that sets a network up in its namespace, as far as it is not, and holds it then.
 * @param guests everybody who may be on it
 */
export function holderWords(record: BridgeRecord, guests: readonly KnownGuest[]): string[] {
  const script = [PATH, setUp(record), FIREWALL, HOLD].join('\n');
  return ['/bin/sh', '-c', script, 'sh', END, networkScript(record), pinScript(record, guests)];
}
