import type { Options } from 'execa';
import { letManyListen, sleep, throwIfAborted } from '../abort.js';
import { ExecError, MultipassError } from '../errors.js';
import { log } from '../log.js';
import { collect, type CollectOptions, type Collected } from './collect.js';
import { ownTurn } from './own-turn.js';
import { startError, workingDirectoryError } from './programs.js';

/** How one program is run. */
export interface RunOptions {
  /** What it is called in messages, where it is run through another program. Default: the file that is run. */
  readonly called?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string | undefined;
  /** Exit codes that are an answer, not a failure. Default: 0 alone. */
  readonly okExitCodes?: readonly number[];
  /** What on its stderr says that it has failed, whatever its exit code is. Default: nothing. */
  readonly failsBy?: RegExp | undefined;
  /** Whether all that it starts ends with it, as in a sandbox: then it has ended, too, when this is done. */
  readonly endsWhole?: boolean | undefined;
  /** An open file descriptor that the program gets as its fd 3. */
  readonly fd3?: number | undefined;
  /** An open file descriptor that gets its stdout in place of the result: for what is too much for the memory. */
  readonly stdout?: number | undefined;
  /** What it reads from its stdin; not for what is heard while it runs. Default: nothing is there to be read. */
  readonly input?: string | undefined;
  /** Called with each piece of stdout as it comes, for progress. */
  readonly onStdout?: ((chunk: string) => void) | undefined;
}

/** What a program left behind. */
export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end: arguments as an array, never a shell, `LC_ALL=C`.
 * When the signal fires, the program gets SIGTERM, and SIGKILL 5 s later; it is waited for, what it has started is not.
 *
 * @throws MultipassError TOOL_MISSING when there is no such program; IO_ERROR when `cwd` is no folder; ABORTED
 *   when the signal fired; DISK_FULL when that is what the program says; ExecError (TOOL_FAILED) for any other exit
 *   code not among `okExitCodes`, for what `failsBy` finds, and for a signal.
 */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { signal, okExitCodes = [0], failsBy } = options;
  await ownTurn();
  throwIfAborted(signal);
  letManyListen(signal);
  log('debug', 'exec', [file, ...args].join(' '));
  const isLong = options.onStdout !== undefined || options.endsWhole === true;
  const result = await (isLong ? runLong : runShort)(file, args, options);
  throwIfAborted(signal);
  // Ctrl-C goes to the program and to us, and may arrive there first.
  if (result.signal !== undefined) await sleep(100, signal);
  const isOk = failsBy?.test(result.stderr) !== true;
  if (isOk && result.exitCode !== undefined && okExitCodes.includes(result.exitCode)) {
    return {
      exitCode: result.exitCode,
      stdout: result.stdout,
      stderr: result.stderr,
    };
  }
  throw failure({ file, called: options.called ?? file }, result, options.cwd);
}

/** How long after SIGTERM a program gets SIGKILL. */
const PATIENCE_MS = 5000;

async function runShort(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Collected> {
  return await collect(file, args, {
    stdio: stdioOf(options),
    env: { ...process.env, LC_ALL: 'C' },
    cwd: options.cwd ?? currentFolder(),
    signal: options.signal,
    patienceMs: PATIENCE_MS,
    input: options.input,
  });
}

/** By execa, whose streams can be heard while they are collected. */
async function runLong(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Collected> {
  const { signal, onStdout, cwd } = options;
  // Execa has no answer to Bun's when the folder is not there.
  const noFolder = cwd === undefined ? undefined : workingDirectoryError(file, cwd);
  if (noFolder !== undefined) throw noFolder;
  const { execa } = await import('execa');
  const settings: Options = {
    // Execa takes any number for any of them, but its types do not know it.
    stdio: stdioOf(options) as never,
    env: { LC_ALL: 'C' },
    reject: false,
    forceKillAfterDelay: PATIENCE_MS,
    cwd: cwd ?? currentFolder(),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  };
  const child = execa(file, args, settings);
  if (onStdout !== undefined) {
    child.stdout?.on('data', (chunk: Buffer | string) => onStdout(chunk.toString()));
  }
  // What it has started itself may have our pipes open for long after its end.
  const letGo = (): void => {
    if (options.endsWhole === true) return;
    if (signal?.aborted !== true || (child.exitCode === null && child.signalCode === null)) return;
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  child.once('exit', letGo);
  signal?.addEventListener('abort', letGo, { once: true });
  const result = await child;
  signal?.removeEventListener('abort', letGo);
  return {
    exitCode: result.exitCode,
    signal: result.signal,
    stdout: textOf(result.stdout),
    stderr: textOf(result.stderr),
    cause: result.cause,
  };
}

function stdioOf({ input, stdout, fd3 }: RunOptions): CollectOptions['stdio'] {
  return [
    input === undefined ? 'ignore' : 'pipe',
    stdout ?? 'pipe',
    'pipe',
    ...(fd3 === undefined ? [] : [fd3]),
  ];
}

/** Ours, or the root where it was removed under us: no program that gets absolute paths needs more. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

function textOf(output: unknown): string {
  return typeof output === 'string' ? output : '';
}

function failure(
  { file, called }: { file: string; called: string },
  result: Collected,
  cwd: string | undefined,
): MultipassError {
  const notStarted = startError(result.cause, file, cwd);
  if (notStarted instanceof MultipassError) return notStarted;
  const stderr = result.stderr.trim();
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    return new MultipassError('DISK_FULL', `no space left for ${called} to work`, {
      hint: 'Free some space, for example with `multipass purge`, then try again.',
      details: { program: called, stderr },
    });
  }
  const how =
    result.exitCode === undefined
      ? (result.signal ?? reasonOf(result.cause))
      : `exit code ${result.exitCode}`;
  return new ExecError(
    `${called} failed (${how})${stderr === '' ? '' : `: ${stderr.split('\n').at(-1) ?? ''}`}`,
    { exitCode: result.exitCode, stderr },
    { hint: `Look at what ${called} says, mend that, then try again.`, cause: result.cause },
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'unknown';
}
