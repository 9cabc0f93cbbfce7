import { getegid, geteuid } from 'node:process';
import { ExecError, MultipassError } from '../../errors.js';
import { findProgram } from '../../process/programs.js';
import { sandboxProblem } from '../../process/sandbox-probe.js';
import { setIdFilter } from '../../process/set-id-filter.js';
import type { SeenAs, Share } from '../../qemu/machine.js';
import { runInGuest, type Guest } from '../guest/ssh.js';
import type { Mount } from '../records/mount.js';
import { mountFailed } from './classic-mount.js';
import { mount9pCommand } from './guest-scripts.js';
import { mountTag } from './mount-tag.js';
import { nativeSourceProblem } from './native-source.js';

/** The guest's default user and group, where there is no guest yet to be asked. As in Multipass. */
const DEFAULT_ID = 1000;

/** What a machine shares, and as whom the guest sees the host's user. */
export interface NativeShares {
  readonly shares: readonly Share[];
  readonly seenAs: SeenAs | null;
}

/** The shares that go together, and the others with what is wrong with them. */
export interface NativePlan extends NativeShares {
  readonly refused: readonly { readonly mount: Mount; readonly problem: string }[];
}

/**
 * What the native mounts of an instance come to. QEMU knows no id maps; but in a user namespace whoever runs it can be
 * somebody else, and the kernel maps both ways. So there is one map, the one of whoever runs QEMU, for all of an
 * instance's native mounts; root, whose QEMU gives every file to whom the guest says, needs none for ids that are
 * equal.
 * @param options `makesTaps`: whether QEMU makes taps itself, which it may not in a user namespace
 */
export async function planNativeMounts(
  mounts: readonly Mount[],
  { makesTaps }: { readonly makesTaps: boolean },
): Promise<NativePlan> {
  const shares: Share[] = [];
  const refused: { mount: Mount; problem: string }[] = [];
  let seenAs: SeenAs | null | undefined;
  for (const mount of mounts) {
    if (mount.type !== 'native') continue;
    const wanted = seenAsOf(mount);
    const problem =
      typeof wanted === 'string'
        ? wanted
        : (mapProblem(wanted, seenAs, makesTaps) ??
          (await rootsProblem()) ??
          (await nativeSourceProblem(mount.source, wanted)));
    if (typeof wanted === 'string' || problem !== null) {
      refused.push({ mount, problem: problem ?? '' });
      continue;
    }
    seenAs = wanted;
    const security = geteuid?.() === 0 && wanted === null ? 'passthrough' : 'none';
    shares.push({ tag: mountTag(mount.target), path: mount.source, security });
  }
  return { shares, seenAs: seenAs ?? null, refused };
}

/**
 * Mounts a share of its machine in a guest that can be entered.
 * @throws MultipassError MOUNT_FAILED with what to do; ABORTED
 */
export async function mountNative(guest: Guest, mount: Mount, signal?: AbortSignal): Promise<void> {
  try {
    await runInGuest(guest, mount9pCommand(mount), { signal });
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    const words = error.stderr.split('\n').at(-1) ?? '';
    if (!/unknown filesystem type|No such device|can't find in|wrong fs type/.test(error.stderr)) {
      throw mountFailed(guest, mount, words);
    }
    throw new MultipassError(
      'MOUNT_FAILED',
      `cannot mount "${mount.source}" in '${guest.dir.name}': its kernel has no 9p`,
      {
        hint: 'Install a kernel that has it (linux-image-amd64 on Debian), or mount classically (`--type classic`).',
        details: { name: guest.dir.name, source: mount.source, target: mount.target },
        cause: error,
      },
    );
  }
}

/** @returns what cannot be, in words */
function seenAsOf({ uidMappings, gidMappings }: Mount): SeenAs | null | string {
  const [uid, ...uids] = uidMappings;
  const [gid, ...gids] = gidMappings;
  if (uids.length > 0 || gids.length > 0) return 'Only one mapping per native mount allowed.';
  const self = { uid: geteuid?.() ?? 0, gid: getegid?.() ?? 0 };
  const user = { host: uid?.host ?? self.uid, guest: guestId(uid?.guest ?? self.uid) };
  const group = { host: gid?.host ?? self.gid, guest: guestId(gid?.guest ?? self.gid) };
  if (user.host === user.guest && group.host === group.guest) return null;
  if (user.host === self.uid && group.host === self.gid) {
    return { uid: user.guest, gid: group.guest };
  }
  return `a native mount can map the ids of whoever runs the instance, ${self.uid} and ${self.gid}, or none`;
}

function guestId(id: number): number {
  return id === -1 ? DEFAULT_ID : id;
}

/** Nothing but the filter around a confined QEMU keeps a guest from making root's files set-user-ID ones. */
export async function rootsProblem(): Promise<string | null> {
  if (geteuid?.() !== 0) return null;
  const problem = await sandboxProblem(findProgram('true') ?? '/bin/true');
  if (problem === undefined && setIdFilter() !== undefined) return null;
  return `native mounts of root need a sandbox, and bubblewrap does not work here: ${problem ?? process.arch}`;
}

function mapProblem(
  wanted: SeenAs | null,
  chosen: SeenAs | null | undefined,
  makesTaps: boolean,
): string | null {
  if (wanted !== null && makesTaps) return 'id maps of native mounts need local.network=user';
  if (chosen === undefined) return null;
  return chosen?.uid === wanted?.uid && chosen?.gid === wanted?.gid
    ? null
    : 'all native mounts of an instance need the same id maps';
}
