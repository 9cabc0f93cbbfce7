import { dirname } from 'node:path';
import { getegid, geteuid } from 'node:process';
import type { MultipassError } from '../../errors.js';
import { findProgram, isProgram, notInstalled } from '../../process/programs.js';
import { run } from '../../process/run.js';

/** Where the systems have OpenSSH's sftp-server: Debian, Fedora, openSUSE and Arch, BSD. */
const PLACES = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/lib/ssh/sftp-server',
  '/usr/libexec/sftp-server',
];

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
 * @param passwd path of a file with {@link passwdFor}; relative ones are its working directory's
 * @throws MultipassError TOOL_MISSING without sftp-server or bubblewrap
 */
export async function confinedSftpServer(
  folder: string,
  ids: ServerIds,
  passwd: string,
): Promise<string[]> {
  const server = PLACES.find(isProgram);
  if (server === undefined) throw missing('sftp-server');
  const bubblewrap = pathOf('bwrap');
  const becomesOther = geteuid?.() !== ids.uid || getegid?.() !== ids.gid;
  const setpriv = becomesOther ? pathOf('setpriv') : null;
  const programs = [server, ...(setpriv === null ? [] : [setpriv])];
  const files = [...new Set((await Promise.all(programs.map(withLibraries))).flat())];
  return [
    ...[bubblewrap, '--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts'],
    ...['--die-with-parent', '--cap-drop', 'ALL', ...capabilities(becomesOther)],
    ...foldersOf([...files, '/etc/passwd', '/dev/null', SHARED]),
    ...files.flatMap((file) => ['--ro-bind', file, file]),
    ...['--ro-bind', passwd, '/etc/passwd', '--dev-bind', '/dev/null', '/dev/null'],
    ...['--bind', folder, SHARED, '--remount-ro', '/', '--chdir', '/', '--'],
    ...(setpriv === null ? [] : becoming(setpriv, ids)),
    // The guest's own umask has had its say.
    ...[server, '-u', '0'],
  ];
}

/** A user data base with that one user: without one sftp-server does not begin. */
export function passwdFor({ uid, gid }: ServerIds): string {
  return `multipass:x:${uid}:${gid}::/:/nonexistent\n`;
}

function capabilities(becomesOther: boolean): string[] {
  if (geteuid?.() !== 0) return [];
  const needed = becomesOther
    ? ['SETUID', 'SETGID', 'SETPCAP']
    : ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID'];
  return needed.flatMap((name) => ['--cap-add', `CAP_${name}`]);
}

function becoming(setpriv: string, { uid, gid }: ServerIds): string[] {
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return [setpriv, ...ids, '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'];
}

/** The folders above files, each before what is in it: bubblewrap would make them for one user only. */
function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>();
  const add = (folder: string): void => {
    if (folder === '/') return;
    add(dirname(folder));
    folders.add(folder);
  };
  for (const file of files) add(dirname(file));
  return [...folders].flatMap((folder) => ['--perms', '0755', '--dir', folder]);
}

async function withLibraries(program: string): Promise<string[]> {
  // 1: it needs none.
  const { stdout } = await run('ldd', [program], { okExitCodes: [0, 1] });
  return [program, ...[...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? [])];
}

function pathOf(program: string): string {
  const found = findProgram(program, ['/usr/bin', '/bin']);
  if (found === undefined) throw missing(program);
  return found;
}

function missing(program: string): MultipassError {
  return notInstalled(program, { neededFor: 'Classic mounts need it' });
}
