import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getegid, geteuid } from 'node:process';
import { sandboxWords, type Bind } from '../process/sandbox.js';
import { KVM_DEVICE } from './accelerator.js';
import { SOCKETS, type LoneCard, type Machine, type MachineFiles } from './machine.js';

/** What QEMU is shut up with. */
export interface QemuWorld {
  readonly machine: Machine;
  readonly files: MachineFiles;
  /** All that the program consists of. */
  readonly parts: readonly string[];
  /** The instance's folder, absolute: it is there by the same path, for whoever looks where a QEMU is at work. */
  readonly folder: string;
  /** Where it finds its filter of system calls; see {@link setIdFilter}. Undefined: it has none. */
  readonly filter: number | undefined;
  /** Whether it is started where we are root, in a user namespace: it is who we are all the same. */
  readonly whereRoot?: boolean | undefined;
  /** The cards that it begins with in place of the machine's. */
  readonly alone?: readonly LoneCard[] | undefined;
}

/** Where in a confined QEMU's world the shared folders are. */
const SHARES = '/shares';

/** The host's way of asking for names, which QEMU's own network tells its guest. */
const RESOLVER = '/etc/resolv.conf';

/**
 * The words that run QEMU in a world of its own. There is nothing in it but what it consists of, the devices of its
 * machine, the folders that the guest may mount, and the instance's folder, which can only be read: it writes to its
 * disk and to the folder of its sockets. So no record is its to change, nor is there a link of its making that another
 * command would follow. It sees no process but itself, and has no rights but those that give files of shared folders
 * their owners. One with taps is in a network namespace of its own, and has to find them there.
 * @throws MultipassError TOOL_MISSING without bubblewrap
 */
export async function confineQemu(world: QemuWorld): Promise<[string, ...string[]]> {
  const { machine, files, folder, parts, filter, whereRoot = false, alone = [] } = world;
  const { cards, shares, accelerator, seenAs } = machine;
  const hasTaps =
    cards.some(({ backend }) => backend.kind === 'tap') || alone.some(({ tap }) => tap !== null);
  const hasUserNetwork = cards.some(({ backend }) => backend.kind === 'user');
  const resolver = hasUserNetwork ? resolverFiles() : { binds: [], links: [] };
  return await sandboxWords({
    programs: [],
    readOnly: [...parts, folder, ...resolver.binds],
    links: resolver.links,
    writable: [
      join(folder, files.disk),
      // QEMU 7.2 opens it for writing, whether it writes to it or not.
      ...(files.ram === undefined ? [] : [join(folder, files.ram)]),
      join(folder, files.run, SOCKETS),
      ...shares.map(({ tag, path }) => ({ from: path, to: `${SHARES}/${tag}` })),
    ],
    devices: [
      '/dev/urandom',
      ...(accelerator === 'kvm' ? [KVM_DEVICE] : []),
      ...(hasTaps ? ['/dev/net/tun'] : []),
    ],
    capabilities: [
      ...(shares.some(({ security }) => security === 'passthrough')
        ? ['CHOWN', 'DAC_OVERRIDE', 'FOWNER']
        : []),
    ],
    hostNetwork: hasUserNetwork && !hasTaps,
    // 9p gives modes and attributes by way of /proc/self/fd.
    ownProc: shares.length > 0,
    seenAs: seenAs ?? (whereRoot ? ourselves() : undefined),
    outlives: true,
    first: true,
    filter,
    folder,
  });
}

function ourselves(): { uid: number; gid: number } {
  return { uid: geteuid?.() ?? 0, gid: getegid?.() ?? 0 };
}

/** The machine as it is in the confined QEMU's world. */
export function asConfined(machine: Machine): Machine {
  const shares = machine.shares.map((share) => ({ ...share, path: `${SHARES}/${share.tag}` }));
  return { ...machine, shares, seenAs: null };
}

/** Where it is a link, as systemd-resolved makes it, the folder is there that it leads to: its file is replaced. */
function resolverFiles(): { binds: Bind[]; links: { from: string; to: string }[] } {
  const entry = lstatSync(RESOLVER, { throwIfNoEntry: false });
  if (entry?.isFile() === true) return { binds: [RESOLVER], links: [] };
  if (entry?.isSymbolicLink() !== true) return { binds: [], links: [] };
  try {
    const folder = dirname(realpathSync(RESOLVER));
    return { binds: [folder], links: [{ from: readlinkSync(RESOLVER), to: RESOLVER }] };
  } catch {
    // It leads nowhere.
    return { binds: [], links: [] };
  }
}
