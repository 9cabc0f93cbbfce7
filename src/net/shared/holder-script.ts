import { WRITE_PID_FILE } from '../../process/detach.js';
import type { BridgeRecord } from '../bridge/bridge-record.js';
import type { KnownGuest } from '../bridge/known-guests.js';
import { networkScript } from '../bridge/nft-table.js';
import { pinScript } from '../bridge/pin-table.js';
import { SHARED_FILES } from './shared-files.js';
import { WAY_OUT_LINK } from './way-out.js';

/** The descriptor whose closing says that the network is made. */
const READY_FD = 3;

const PATH = 'PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin; export PATH';

/** The descriptor by which the holder keeps the way out. */
const LEASH_FD = 4;

/**
 * What is done when the last machine on the network has ended, however it came, under the exclusive lock: nobody can
 * count on the network then who would not see that it is gone. The folder may be gone, too: whom it ends it knows by
 * the namespace, not by files.
 */
const END = `
exec ${LEASH_FD}>&-
net=$(readlink /proc/self/ns/net)
for comm in /proc/[0-9]*/comm; do
  read -r name 2>/dev/null <"$comm" && [ "$name" = dnsmasq ] || continue
  process=\${comm%/comm}
  [ "$(readlink "$process/ns/net")" = "$net" ] && kill "\${process#/proc/}"
done
waited=0
while ip link show dev ${WAY_OUT_LINK} >/dev/null 2>&1 && [ "$waited" -lt 300 ]; do
  sleep 0.01
  waited=$((waited + 1))
done
rm -f ${SHARED_FILES.holder} ${SHARED_FILES.wayOut} ${SHARED_FILES.wayOutSocket} ${SHARED_FILES.leash} dnsmasq.pid
`;

/**
 * Shell, for the folder of a network: notes who it is, says that all is ready, and becomes a \`flock\` which holds the
 * namespace until the last machine's lock is gone.
 */
const HOLD = `
rm -f ${SHARED_FILES.leash} && mkfifo -m 600 ${SHARED_FILES.leash} || exit
exec ${LEASH_FD}<>${SHARED_FILES.leash}
pidfile=${SHARED_FILES.holder}
${WRITE_PID_FILE} || exit
exec ${READY_FD}>&-
exec flock --no-fork --exclusive ${SHARED_FILES.alive} /bin/sh -c "$1"`;

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
