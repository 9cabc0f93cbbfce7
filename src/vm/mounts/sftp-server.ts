import { getegid, geteuid } from 'node:process';
import { MultipassError } from '../../errors.js';
import { findProgram, isProgram, notInstalled } from '../../process/programs.js';
import { PERMIT_SANDBOX } from '../../process/sandbox-hint.js';
import { sandboxProblem } from '../../process/sandbox-probe.js';
import { sandboxWords } from '../../process/sandbox.js';
import { setIdFilter } from '../../process/set-id-filter.js';

/** Where the systems have OpenSSH's sftp-server: Debian, Fedora, openSUSE and Arch, BSD. */
const PLACES = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/lib/ssh/sftp-server',
  '/usr/libexec/sftp-server',
];

/** The descriptor of the server that is its filter; the keeper has 0 to 2 only. */
const FILTER_FD = 9;

const NEEDED_FOR = 'Classic mounts need it';

/** Name of the shared folder in the server's world. */
export const SHARED = '/shared';

/** Whom the server works as. */
export interface ServerIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The command line of an SFTP server that speaks on its stdin and stdout, and in whose world there is nothing but one
 * folder of the host: a mount namespace (bubblewrap) with that folder, the server's own program and libraries, and a
 * made-up `/etc/passwd`; no network, no other process. So whatever a guest asks it for, by `..`, absolute paths or
 * symbolic links, there is nothing else to be reached. Links that lead out of the folder lead nowhere.
 *
 * Root's server may do what root may with the folder's files, unless it is to work as another user.
 * Nor can it make a file set-user-ID or set-group-ID, and one that is loses the bits when it is written to.
 * @param files paths of {@link serverFiles}; relative ones are its working directory's
 * @throws MultipassError TOOL_MISSING without sftp-server or bubblewrap; SANDBOX_UNAVAILABLE where that does not work
 */
export async function confinedSftpServer(
  folder: string,
  ids: ServerIds,
  files: ServerFiles<string>,
): Promise<string[]> {
  const server = findSftpServer();
  if (server === undefined) throw missing('sftp-server');
  await requireSandbox();
  const becomesOther = geteuid?.() !== ids.uid || getegid?.() !== ids.gid;
  const setpriv = becomesOther ? pathOf('setpriv') : null;
  const words = await sandboxWords({
    programs: [server, ...(setpriv === null ? [] : [setpriv])],
    readOnly: [{ from: files.passwd, to: '/etc/passwd' }],
    writable: [{ from: folder, to: SHARED }],
    capabilities: becomesOther
      ? ['SETUID', 'SETGID', 'SETPCAP']
      : ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
    filter: FILTER_FD,
    // Its keeper ends it with its process group.
    sameSession: true,
    neededFor: NEEDED_FOR,
  });
  return [
    ...['/bin/sh', '-c', `filter=$1; shift; exec "$@" ${FILTER_FD}<"$filter"`, 'sh', files.filter],
    ...words,
    ...(setpriv === null ? [] : becoming(setpriv, ids)),
    // The guest's own umask has had its say.
    ...[server, '-u', '0'],
  ];
}

/** What the server needs besides its folder. */
export interface ServerFiles<Content> {
  /** A user data base with that one user: without one sftp-server does not begin. */
  readonly passwd: Content;
  /** {@link setIdFilter}. */
  readonly filter: Content;
}

/**
 * What is in the files that the server needs.
 * @throws MultipassError SANDBOX_UNAVAILABLE for a processor whose system calls are not known
 */
export function serverFiles({ uid, gid }: ServerIds): ServerFiles<Buffer> {
  const filter = setIdFilter();
  if (filter === undefined) {
    throw new MultipassError(
      'SANDBOX_UNAVAILABLE',
      `nothing keeps a guest from making set-user-ID files on a processor of kind "${process.arch}"`,
      { hint: 'Use a machine with an x86-64 or an arm64 processor.' },
    );
  }
  return { passwd: Buffer.from(`multipass:x:${uid}:${gid}::/:/nonexistent\n`), filter };
}

/** The path of OpenSSH's sftp-server, which is in no folder of PATH; undefined where there is none. */
export function findSftpServer(): string | undefined {
  return PLACES.find(isProgram);
}

/** Where bubblewrap is not even installed, that is told by whoever needs it. */
async function requireSandbox(): Promise<void> {
  if (findProgram('bwrap', ['/usr/bin', '/bin']) === undefined) return;
  const problem = await sandboxProblem(pathOf('true'));
  if (problem === undefined) return;
  throw new MultipassError(
    'SANDBOX_UNAVAILABLE',
    `classic mounts need a sandbox, and bubblewrap does not work here: ${problem}`,
    {
      hint: `${PERMIT_SANDBOX}. Or mount natively (\`multipass mount --type native\`).`,
      details: { problem },
    },
  );
}

function becoming(setpriv: string, { uid, gid }: ServerIds): string[] {
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return [setpriv, ...ids, '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'];
}

function pathOf(program: string): string {
  const found = findProgram(program, ['/usr/bin', '/bin']);
  if (found === undefined) throw missing(program);
  return found;
}

function missing(program: string): MultipassError {
  return notInstalled(program, { neededFor: NEEDED_FOR });
}
