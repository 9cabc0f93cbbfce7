import { accessSync, constants, statSync } from 'node:fs';
import { errnoOf, fromSystemError, MultipassError } from '../errors.js';

const QEMU = 'qemu-system-x86 (Debian, Ubuntu; qemu-system-arm on arm64) or qemu-kvm (Fedora)';

/** Every program that is run on the host, and what to install for it. */
const PACKAGES: Readonly<Record<string, string>> = {
  'qemu-img': 'qemu-utils (Debian, Ubuntu) or qemu-img (Fedora)',
  flock: 'util-linux',
  prlimit: 'util-linux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  cp: 'coreutils',
  true: 'coreutils',
  split: 'coreutils',
  mkfifo: 'coreutils',
  systemctl: 'systemd',
  sync: 'coreutils',
  ldd: 'libc-bin (Debian, Ubuntu) or glibc-common (Fedora)',
  xz: 'xz-utils (Debian, Ubuntu) or xz (Fedora)',
  zstd: 'zstd',
  ssh: 'openssh-client (Debian, Ubuntu) or openssh-clients (Fedora)',
  'ssh-keygen': 'openssh-client (Debian, Ubuntu) or openssh (Fedora)',
  'sftp-server': 'openssh-sftp-server (Debian, Ubuntu) or openssh-server (Fedora)',
  bwrap: 'bubblewrap',
  ip: 'iproute2 (Debian, Ubuntu) or iproute (Fedora)',
  dnsmasq: 'dnsmasq-base (Debian, Ubuntu) or dnsmasq (Fedora)',
  slirp4netns: 'slirp4netns',
  nft: 'nftables, or iptables',
  iptables: 'nftables, or iptables',
};

/** What to install for a program, as a sentence goes on after "install". */
export function packageOf(program: string): string {
  const name = program.slice(program.lastIndexOf('/') + 1);
  if (name.startsWith('qemu-system-')) return QEMU;
  return Object.hasOwn(PACKAGES, name)
    ? (PACKAGES[name] ?? name)
    : `the package that has ${program}`;
}

/**
 * A program is not there: TOOL_MISSING, with what to install.
 * @param neededFor what does not go without it, for the hint: `Classic mounts need it`
 */
export function notInstalled(
  program: string,
  { neededFor, cause }: { readonly neededFor?: string; readonly cause?: unknown } = {},
): MultipassError {
  const install = neededFor === undefined ? 'Install' : `${neededFor}: install`;
  return new MultipassError('TOOL_MISSING', `the program "${program}" is not installed`, {
    hint: `${install} ${packageOf(program)}, then try again.`,
    details: { program },
    cause,
  });
}

/**
 * What it means that a program could not be started. An error of another kind passes unchanged.
 * @param cwd the working directory it was to have, when it was given one
 * @returns TOOL_MISSING when there is no such program; IO_ERROR when it is the working directory that is not there;
 *   PERMISSION_DENIED, …
 */
export function startError<E>(error: E, program: string, cwd?: string): E | MultipassError {
  if (!isStartFailure(error)) return error;
  // The kernel says ENOENT for both, and Node names the program in both cases.
  const noFolder = cwd === undefined ? undefined : workingDirectoryError(program, cwd);
  if (noFolder !== undefined) return noFolder;
  if (errnoOf(error) === 'ENOENT') return notInstalled(program, { cause: error });
  return fromSystemError(error, 'start the program', program) as MultipassError;
}

/** The error (IO_ERROR) for a program whose working directory cannot be used; undefined when it can. */
export function workingDirectoryError(program: string, cwd: string): MultipassError | undefined {
  const cause = folderProblem(cwd);
  if (cause === undefined) return undefined;
  const why = errnoOf(cause) ?? (cause as Error).message;
  return new MultipassError(
    'IO_ERROR',
    `cannot run ${program} in the working directory "${cwd}": ${why}`,
    {
      hint: 'Change to a folder that exists and may be entered, then try again.',
      details: { program, path: cwd },
      cause,
    },
  );
}

/** True when it is the system that could not start a program; what a program says itself never is. */
function isStartFailure(error: unknown): boolean {
  if (!(error instanceof Error) || !('syscall' in error)) return false;
  return typeof error.syscall === 'string' && error.syscall.startsWith('spawn');
}

function folderProblem(cwd: string): unknown {
  try {
    accessSync(`${cwd}/.`, constants.X_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}

/**
 * Where a program is found: in the folders of PATH, then in `more`; a name with a slash in it is a path itself.
 * @returns undefined when it is nowhere
 */
export function findProgram(program: string, more: readonly string[] = []): string | undefined {
  if (program.includes('/')) return isProgram(program) ? program : undefined;
  // Relative folders are left out: what is found shall be the same program from wherever it is run.
  return [...(process.env['PATH'] ?? '/usr/bin:/bin').split(':'), ...more]
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => `${folder}/${program}`)
    .find(isProgram);
}

/** Whether there is a file at a path that we may run. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
