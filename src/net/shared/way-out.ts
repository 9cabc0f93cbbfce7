import { geteuid } from 'node:process';
import { WRITE_PID_FILE } from '../../process/detach.js';
import { networkProgram } from '../bridge/network-tool.js';
import { Subnet } from '../subnet.js';
import { SHARED_FILES } from './shared-files.js';

/** The subnet between a shared network and slirp4netns: its own default. No bridge may have it. */
export const WAY_OUT_SUBNET = Subnet.of(0x0a000200, 24);
/** The interface in the namespace that leads out. */
export const WAY_OUT_LINK = 'tap0';

/** slirp4netns's own forwarder of names: the host's resolv.conf may name an address that leads elsewhere in there. */
const NAMES = WAY_OUT_SUBNET.address(3);

/** Large packets make it four times as quick. */
const MTU = 65_520;

/**
 * Its sandbox (1.2.0) takes the mounts of its world away, and as root that is the host's: all names of network
 * namespaces (`ip netns`) would go for everybody.
 */
const ALONE = geteuid?.() === 0 ? ['unshare', '--mount', '--propagation', 'private', '--'] : [];

/** The descriptor that slirp4netns writes to when it is ready. */
const WAY_OUT_READY_FD = 3;

/** The descriptor by whose hanging up it knows that nobody holds the network, and ends. */
const LEASH_FD = 4;

/**
 * The words that start a slirp4netns for the namespace that a process is in, which notes who it is. To be run outside
 * of it, in the network's folder: the path of a socket has no room for more than a name. It shuts itself up: it sees no
 * file, and makes the system calls alone that it needs. It ends with the holder: one whose namespace is gone would go
 * round in a loop for ever, and fill the disk with what it says (seen with 1.2.0).
 */
export function wayOutWords(holder: number, hostLoopback: boolean): string[] {
  const note = `pidfile=${SHARED_FILES.wayOut}\n${WRITE_PID_FILE} || exit\nexec "$@"`;
  return [
    ...['/bin/sh', '-c', note, 'sh', ...ALONE, networkProgram('slirp4netns')],
    ...['--configure', `--mtu=${MTU}`, '--enable-sandbox', '--enable-seccomp'],
    ...(hostLoopback ? [] : ['--disable-host-loopback']),
    ...[
      `--ready-fd=${WAY_OUT_READY_FD}`,
      `--exit-fd=${LEASH_FD}`,
      `--api-socket=${SHARED_FILES.wayOutSocket}`,
    ],
    ...[String(holder), WAY_OUT_LINK],
  ];
}

/** What dnsmasq is told besides. In a user namespace it cannot become another user. */
export function namesOptions(isRoot: boolean): string[] {
  return [...(isRoot ? [] : ['--user=', '--group=']), '--no-resolv', `--server=${NAMES}`];
}
