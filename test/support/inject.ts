import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PYTHON } from './python.js';

const TRACER = fileURLToPath(new URL('./tracer.py', import.meta.url));

/**
 * A command to strike at, as a black box.
 *
 * A *step* is a system call that can change what is below `root` (calls that create, write, sync, rename, link,
 * remove, resize, or set attributes; opening for writing; FICLONE), made by any thread of the command or of a
 * program it runs, seen by ptrace before it takes effect. Steps are numbered in the one order in which they come,
 * over all threads and processes. So a kill in step N leaves exactly the first N steps done, and kills in all
 * steps from 0 on, together with the clean end, meet every state that the folder passes through. (Two calls that
 * run at the same moment in two threads have no order; a pool of one thread keeps Node from making such calls.)
 *
 * This is not `strace -e inject=…:when=N`, because there N counts each system call of each thread by itself and
 * whatever its path: the N-th `openat` of the pool's thread cannot be struck while the main thread, loading
 * modules, comes to its own N-th first; and the writes that wake an event loop make N differ from run to run.
 */
export interface TracedCommand {
  readonly argv: readonly [string, ...string[]];
  readonly root: string;
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A run that takes longer is killed, all its processes with it, and is an error. Default: 60 000. */
  readonly timeoutMs?: number;
}

/** One call of a run. */
export interface Step {
  readonly syscall: string;
  /** `main` for the command itself, else the name of the program that a child runs. */
  readonly process: string;
  /** What it is done to, relative to the root. */
  readonly paths: readonly string[];
}

/** What a run did; it has ended only when every process of it has, orphans too. */
export interface TracedRun {
  /** All calls that were begun, the one that was struck among them. */
  readonly steps: readonly Step[];
  /** False when the run came to its end before the point: nothing was injected. */
  readonly fired: boolean;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Who gets SIGKILL: the command, while a child may go on to its end; only the child that makes the step, so that
 * the command sees a failed tool; or all processes at once.
 */
export type Victim = 'main' | 'child' | 'all';

/** The error that one call is made to fail with. */
export type InjectedError =
  'EIO' | 'ENOSPC' | 'EDQUOT' | 'EACCES' | 'EROFS' | 'EXDEV' | 'EOPNOTSUPP';

/** What a step may meet: a kill, an error, or that only half is written of what was to be. */
export type Strike = Victim | InjectedError | 'short write';

/** The steps that can be met by a short write. */
const WRITES = /^(?:p?writev?2?|pwrite64|sendfile|copy_file_range)$/;

type Plan =
  | null
  | { copy: string; to: string }
  | { at: number; kill: Victim }
  | { at: number; errno: number }
  | { at: number; short: true };

/** Whether a call writes so many bytes, and so may write fewer. */
export function canBeShort({ syscall }: Pick<Step, 'syscall'>): boolean {
  return WRITES.test(syscall);
}

/** Runs the command untouched, and tells its steps. */
export function countSteps(command: TracedCommand): Promise<TracedRun> {
  return trace(command, null);
}

/** Runs the command and kills in a step, counted from 0, before it takes effect. */
export function killAt(
  command: TracedCommand,
  { step, victim }: { step: number; victim: Victim },
): Promise<TracedRun> {
  return trace(command, { at: step, kill: victim });
}

/** Runs the command and lets one step, counted from 0, fail instead of taking effect. */
export function failAt(
  command: TracedCommand,
  { step, error }: { step: number; error: InjectedError },
): Promise<TracedRun> {
  return trace(command, { at: step, errno: constants.errno[error] });
}

/** Runs the command and lets one step, counted from 0, write half of what it was to write. */
export function shortenAt(command: TracedCommand, { step }: { step: number }): Promise<TracedRun> {
  return trace(command, { at: step, short: true });
}

/**
 * Runs the command, and copies a file each time when a step has ended that syncs or renames: one that holds the file
 * system of the root. The copies are called by the number of steps that were done.
 */
export function copyAtSyncs(
  command: TracedCommand,
  { copy, to }: { copy: string; to: string },
): Promise<TracedRun> {
  return trace(command, { copy, to });
}

async function trace(command: TracedCommand, plan: Plan): Promise<TracedRun> {
  const { argv, root, env, cwd, timeoutMs = 60_000 } = command;
  const tracer = spawn(PYTHON, ['-IS', TRACER, root, JSON.stringify(plan), '--', ...argv], {
    cwd,
    env: { ...process.env, UV_THREADPOOL_SIZE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    tracer.once('error', reject);
    tracer.once('close', (_code, signal) => resolve(signal));
  });
  const report = tracer.stdio[3] as Readable;
  const [signal, lines, stdout, stderr] = await Promise.all([
    ended,
    text(report),
    text(tracer.stdout!),
    text(tracer.stderr!),
  ]);
  if (signal !== null) throw new Error(`no end of ${argv.join(' ')} after ${timeoutMs} ms`);
  return { ...parse(lines, stderr), stdout, stderr };
}

type Line = Step | { struck: true } | Pick<TracedRun, 'exitCode' | 'signal'>;

function parse(lines: string, stderr: string): Omit<TracedRun, 'stdout' | 'stderr'> {
  const parsed = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
  const end = parsed.find((line) => 'exitCode' in line);
  if (end === undefined) throw new Error(`the tracer failed: ${stderr}`);
  return {
    steps: parsed.filter((line) => 'syscall' in line),
    fired: parsed.some((line) => 'struck' in line),
    ...end,
  };
}
