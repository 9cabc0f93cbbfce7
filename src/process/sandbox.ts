import { dirname } from 'node:path';
import { geteuid } from 'node:process';
import { findProgram, notInstalled } from './programs.js';
import { run } from './run.js';

/** A file or folder of the host that is in a sandbox: at the same path, or at another one. */
export type Bind = string | { readonly from: string; readonly to: string };

/** What there is in a sandbox; nothing else of the host is. */
export interface Sandbox {
  /** Programs that are run in it, by absolute path: they are there with their libraries. */
  readonly programs: readonly string[];
  /** Files and folders that can be read. One that lies in a folder of `writable` can only be read, either. */
  readonly readOnly?: readonly Bind[] | undefined;
  /** Files and folders that can be written to. */
  readonly writable?: readonly Bind[] | undefined;
  /** Symbolic links: what they lead to, and where they are. */
  readonly links?: readonly { readonly from: string; readonly to: string }[] | undefined;
  /** Devices: `/dev/null` is there anyway. */
  readonly devices?: readonly string[] | undefined;
  /** Capabilities that root's program keeps, such as `CHOWN`; nobody else's has any. Default: none. */
  readonly capabilities?: readonly string[] | undefined;
  /** Whether it has the host's network. Default: it has none. */
  readonly hostNetwork?: boolean | undefined;
  /** Whether it sees and may signal the host's processes, and keeps its pid. Default: it is alone. */
  readonly hostProcesses?: boolean | undefined;
  /** Whether it has a /proc, which shows its own processes. Default: it has none. */
  readonly ownProc?: boolean | undefined;
  /** Whether it is the first process of its own world, told of by {@link INFO_FD}. Default: it is the child of one. */
  readonly first?: boolean | undefined;
  /** Who it is to itself, in a user namespace. Default: who it is to the host. */
  readonly seenAs?: { readonly uid: number; readonly gid: number } | undefined;
  /** Whether it lives on when whoever started it has ended. Default: it is killed then. */
  readonly outlives?: boolean | undefined;
  /** Whether it stays in the session of whoever starts it, to get the signals of its group. Default: it does not. */
  readonly sameSession?: boolean | undefined;
  /** The open descriptor that a filter of system calls is read from, to its end; see {@link setIdFilter}. */
  readonly filter?: number | undefined;
  /** The working directory inside. Default: `/`. */
  readonly folder?: string | undefined;
  /** All that its environment holds besides `LC_ALL=C`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What does not go without it, for the hint when it is not installed: `Classic mounts need it`. */
  readonly neededFor?: string | undefined;
}

/** The descriptor that a program which is `first` is told of by: its pid on the host, as JSON. */
export const INFO_FD = 6;

/** Where the loader looks up libraries that are in no usual place. */
const LOADER_CACHE = '/etc/ld.so.cache';

/**
 * The words that run a command in a world of its own (bubblewrap, bwrap(1)): behind them comes the command. There is
 * nothing in it but what the sandbox names; its root can only be read. Open file descriptors are handed on, the
 * environment is not.
 * @throws MultipassError TOOL_MISSING without bubblewrap or ldd
 */
export async function sandboxWords(sandbox: Sandbox): Promise<[string, ...string[]]> {
  const { neededFor } = sandbox;
  const bubblewrap = findProgram('bwrap', ['/usr/bin', '/bin']);
  if (bubblewrap === undefined) {
    throw notInstalled('bwrap', neededFor === undefined ? {} : { neededFor });
  }
  const files = [...new Set((await Promise.all(sandbox.programs.map(withLibraries))).flat())];
  const mounts = [
    ...[...files, ...(sandbox.readOnly ?? [])].map((bind) => mount('--ro-bind', bind)),
    ...(sandbox.writable ?? []).map((bind) => mount('--bind', bind)),
    ...['/dev/null', ...(sandbox.devices ?? [])].map((bind) => mount('--dev-bind', bind)),
    mount('--ro-bind-try', LOADER_CACHE),
    ...(sandbox.links ?? []).map((link) => mount('--symlink', link)),
    ...(sandbox.ownProc === true ? [{ to: '/proc', words: ['--proc', '/proc'] }] : []),
  ].sort((one, other) => depthOf(one.to) - depthOf(other.to));
  return [
    bubblewrap,
    ...['--unshare-ipc', '--unshare-uts'],
    ...(sandbox.hostProcesses === true ? [] : ['--unshare-pid']),
    ...(sandbox.hostNetwork === true ? [] : ['--unshare-net']),
    ...(sandbox.first === true ? ['--as-pid-1', '--info-fd', String(INFO_FD)] : []),
    ...seenAsWords(sandbox),
    ...(sandbox.outlives === true ? [] : ['--die-with-parent']),
    ...(sandbox.sameSession === true ? [] : ['--new-session']),
    ...(sandbox.filter === undefined ? [] : ['--seccomp', String(sandbox.filter)]),
    ...['--cap-drop', 'ALL', ...capabilities(sandbox)],
    ...['--clearenv', '--setenv', 'LC_ALL', 'C'],
    ...Object.entries(sandbox.env ?? {}).flatMap(([name, value]) => ['--setenv', name, value]),
    ...foldersOf(mounts.map(({ to }) => to)),
    ...mounts.flatMap(({ words }) => words),
    ...['--remount-ro', '/', '--chdir', sandbox.folder ?? '/', '--'],
  ];
}

function seenAsWords({ seenAs }: Sandbox): string[] {
  if (seenAs === undefined) return [];
  return ['--unshare-user', '--uid', String(seenAs.uid), '--gid', String(seenAs.gid)];
}

interface Mount {
  readonly to: string;
  readonly words: readonly string[];
}

function mount(option: string, bind: Bind): Mount {
  const { from, to } = typeof bind === 'string' ? { from: bind, to: bind } : bind;
  return { to, words: [option, from, to] };
}

/** What lies in a folder that is bound, too, has to come after it. */
function depthOf(path: string): number {
  return path.split('/').length;
}

function capabilities({ capabilities: kept = [] }: Sandbox): string[] {
  if (geteuid?.() !== 0) return [];
  return kept.flatMap((name) => ['--cap-add', `CAP_${name}`]);
}

/** The folders above files, each before what is in it: bubblewrap would make them for one user only. */
function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>();
  const add = (folder: string): void => {
    if (folder === '/' || folder === '.') return;
    add(dirname(folder));
    folders.add(folder);
  };
  for (const file of files) add(dirname(file));
  return [...folders].flatMap((folder) => ['--perms', '0755', '--dir', folder]);
}

const libraries = new Map<string, Promise<string[]>>();

/** A program, and the libraries that its loader takes; asked for once in a process. */
export async function withLibraries(program: string): Promise<string[]> {
  const found = libraries.get(program) ?? askForLibraries(program);
  libraries.set(program, found);
  return [program, ...(await found)];
}

async function askForLibraries(program: string): Promise<string[]> {
  // 1: it needs none.
  const { stdout } = await run('ldd', [program], { okExitCodes: [0, 1] });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
}
