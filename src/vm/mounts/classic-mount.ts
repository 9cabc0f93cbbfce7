import { getegid, geteuid } from 'node:process';
import { sleep } from '../../abort.js';
import { MultipassError, hasCode } from '../../errors.js';
import { runInGuest, sshWords, type Guest } from '../guest/ssh.js';
import type { Mount } from '../records/mount.js';
import { GUEST_LACKS, isMountedCommand, sshfsCommand, unmountCommand } from './guest-scripts.js';
import { endKeeper, lastWordsOf, startKeeper } from './keeper.js';
import { sourceProblem } from './mount-place.js';
import { mountTag } from './mount-tag.js';
import { confinedSftpServer, serverFiles, type ServerIds } from './sftp-server.js';

const POLL_MS = 300;
/** A guest that is that slow will not be mounted to. */
const PATIENCE_MS = 120_000;

/**
 * Mounts a folder by sshfs in a guest that can be entered: over our own ssh connection to an SFTP server of the host
 * which sees that folder alone. Once this resolves the guest has it, and a keeper makes the connection again when it is
 * lost, until that run of the instance ends. The caller holds the lock of its mounts.
 * @throws MultipassError MOUNT_FAILED with what to do; TOOL_MISSING, ABORTED. No keeper is left then.
 */
export async function mountClassic(
  guest: Guest,
  mount: Mount,
  signal?: AbortSignal,
): Promise<void> {
  const { source, target } = mount;
  const problem = sourceProblem(source);
  if (problem !== null) throw mountFailed(guest, mount, problem);
  const tag = mountTag(target);
  const kept = { layout: guest.layout, dir: guest.dir, tag };
  await endKeeper(guest.dir, tag);
  const ids = serverIds(mount);
  try {
    await startKeeper(
      kept,
      async (files) => ({
        server: await confinedSftpServer(source, ids, files),
        client: [...sshWords(guest, ['-T']), sshfsCommand(mount, guest.user)],
      }),
      serverFiles(ids),
    );
    const began = Date.now();
    while (!(await isMounted(guest, tag, signal))) {
      const isLate = Date.now() - began > PATIENCE_MS;
      const words = lastWordsOf(kept) ?? (isLate ? 'it takes too long' : null);
      if (words !== null) throw mountFailed(guest, mount, words);
      await sleep(POLL_MS, signal);
    }
  } catch (error) {
    await endKeeper(guest.dir, tag);
    throw error;
  }
}

/**
 * Takes a classic mount off.
 * @param lazily also while something in the guest uses it, whose next access fails then
 * @throws MultipassError MOUNT_FAILED when the guest uses it
 */
export async function unmountClassic(
  guest: Guest,
  mount: Mount,
  { lazily, signal }: { lazily: boolean; signal?: AbortSignal | undefined },
): Promise<void> {
  const tag = mountTag(mount.target);
  await unmountInGuest(guest, mount, { lazily, signal });
  await endKeeper(guest.dir, tag);
}

/** @throws MultipassError MOUNT_FAILED when the guest uses it */
export async function unmountInGuest(
  guest: Guest,
  mount: Pick<Mount, 'target'>,
  { lazily, signal }: { lazily: boolean; signal?: AbortSignal | undefined },
): Promise<void> {
  const command = unmountCommand(mountTag(mount.target), lazily);
  try {
    await runInGuest(guest, command, { signal });
  } catch (error) {
    if (!hasCode(error, 'TOOL_FAILED')) throw error;
    throw new MultipassError(
      'MOUNT_FAILED',
      `cannot unmount "${mount.target}" in '${guest.dir.name}': ${reasonOf(error)}`,
      {
        hint: 'End what uses it in the instance, then try again.',
        details: { name: guest.dir.name, target: mount.target },
        cause: error,
      },
    );
  }
}

/** Whether the guest has a mount. */
export async function isMounted(guest: Guest, tag: string, signal?: AbortSignal): Promise<boolean> {
  const options = { signal, okExitCodes: [0, 1] };
  return (await runInGuest(guest, isMountedCommand(tag), options)).exitCode === 0;
}

/** Says what a guest or a server said, with what to do. */
export function mountFailed(guest: Guest, mount: Mount, words: string): MultipassError {
  const { name } = guest.dir;
  const { source, target } = mount;
  const details = { name, source, target };
  if (words.includes(GUEST_LACKS.sshfs)) {
    return new MultipassError(
      'MOUNT_FAILED',
      `cannot mount "${source}" in '${name}': ${GUEST_LACKS.sshfs}`,
      {
        hint:
          `Install it there, for example with \`multipass exec ${name} -- sudo apt-get install -y sshfs\`, ` +
          `or mount natively (\`multipass mount --type native\`).`,
        details,
      },
    );
  }
  return new MultipassError(
    'MOUNT_FAILED',
    `cannot mount "${source}" into '${name}:${target}': ${words === '' ? 'the connection ended' : words}`,
    {
      hint: 'Mend what it says, then try again, or mount it natively (`multipass mount --type native`).',
      details,
    },
  );
}

/**
 * Root's server works as the first user that a map names, so that new files belong to that one; anybody else's works as
 * who it is.
 */
function serverIds({ uidMappings, gidMappings }: Mount): ServerIds {
  const [uid, gid] = [geteuid?.() ?? 0, getegid?.() ?? 0];
  if (uid !== 0) return { uid, gid };
  return { uid: uidMappings[0]?.host ?? uid, gid: gidMappings[0]?.host ?? gid };
}

function reasonOf(error: MultipassError): string {
  return 'stderr' in error && typeof error.stderr === 'string' && error.stderr !== ''
    ? (error.stderr.split('\n').at(-1) ?? '')
    : error.message;
}
