import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { abortedError } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work, type WorkRequest } from '../../work.js';
import type { GuestExit, GuestProcess } from './guest-process.js';
import type { GuestCommand } from './guest-script.js';
import { spawnInGuest } from './spawn-in-guest.js';

/** How a program is started in a guest. */
export interface SpawnOptions extends Omit<GuestCommand, 'argv'>, WorkRequest {}

/** How a program is run in a guest to its end. */
export interface ExecOptions extends SpawnOptions {
  /** What it reads; without any, nothing. */
  readonly input?: string | Uint8Array | AsyncIterable<string | Uint8Array> | undefined;
  /** How long it may take, in milliseconds; then it is ended, and the call fails with TIMED_OUT. */
  readonly timeoutMs?: number | undefined;
  /** True: an exit code other than 0 is a failure, COMMAND_FAILED. */
  readonly check?: boolean | undefined;
  /** Gets what it writes as it comes. */
  readonly onStdout?: ((piece: Uint8Array) => void) | undefined;
  /** The same of what it writes to stderr. */
  readonly onStderr?: ((piece: Uint8Array) => void) | undefined;
  /** `utf8`, the default: text; `buffer`: the bytes as they are. */
  readonly encoding?: 'utf8' | 'buffer' | undefined;
}

/** What came of a program in a guest. Nothing is stripped from what it wrote. */
export interface ExecResult<Output = string> extends GuestExit {
  /** All that it wrote there. */
  readonly stdout: Output;
  /** All that it wrote there. */
  readonly stderr: Output;
}

/** Which program is run in which instance. */
export interface ExecRequest extends ExecOptions, Pick<GuestCommand, 'argv'> {
  readonly layout: StoreLayout;
  readonly name: string;
}

/** How much of stderr an error tells. */
const LAST_WORDS = 2000;

/**
 * Runs a program in a running instance to its end, without a terminal.
 * @returns its exit code, whatever that is, and what it wrote, as bytes
 * @throws MultipassError as `spawnInGuest`; TIMED_OUT; COMMAND_FAILED with `check`; SSH_FAILED when the connection was
 *   lost; ABORTED, and the program has got SIGTERM then; what `input` throws
 */
export async function execInGuest(request: ExecRequest): Promise<ExecResult<Buffer>> {
  const { timeoutMs } = request;
  const { signal } = Work.of(request.work);
  const deadline = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signals = [signal, deadline].filter((one) => one !== undefined);
  const either = signals.length === 0 ? undefined : AbortSignal.any(signals);
  const written = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  try {
    const guest = await spawnInGuest({ ...request, signal: either });
    const exit = await runThrough(guest, request, written);
    if (either?.aborted === true) throw abortedError(either);
    const result = {
      ...exit,
      stdout: Buffer.concat(written.stdout),
      stderr: Buffer.concat(written.stderr),
    };
    if (request.check === true && exit.exitCode !== 0) throw commandFailed(request, result);
    return result;
  } catch (error) {
    if (signal?.aborted === true) throw abortedError(signal);
    if (deadline?.aborted === true) throw timedOut(request, Buffer.concat(written.stderr));
    throw error;
  }
}

async function runThrough(
  guest: GuestProcess,
  { input, onStdout, onStderr }: ExecRequest,
  written: { stdout: Uint8Array[]; stderr: Uint8Array[] },
): Promise<GuestExit> {
  const feeding = feed(guest.stdin, input);
  // It may end without having read all; what the input itself throws is told below.
  feeding.catch(() => undefined);
  await Promise.all([
    gather(guest.stdout, written.stdout, onStdout),
    gather(guest.stderr, written.stderr, onStderr),
  ]);
  const exit = await guest.exited;
  await feeding;
  return exit;
}

async function gather(
  stream: Readable,
  pieces: Uint8Array[],
  hear: ((piece: Uint8Array) => void) | undefined,
): Promise<void> {
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    hear?.(piece);
  }
}

async function feed(stdin: Writable, input: ExecOptions['input']): Promise<void> {
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    stdin.end(input);
    return;
  }
  try {
    await pipeline(input, stdin);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function commandFailed({ name, argv }: ExecRequest, result: ExecResult<Buffer>): MultipassError {
  const { exitCode, signal } = result;
  const stderr = result.stderr.toString('utf8').slice(-LAST_WORDS);
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  const why = signal ?? `exit code ${exitCode}`;
  return new MultipassError(
    'COMMAND_FAILED',
    `"${argv[0] ?? ''}" in "${name}" failed (${why})${last === '' ? '' : `: ${last}`}`,
    {
      hint: 'What it wrote to stderr says why; without `check` an exit code is an answer.',
      details: { name, argv, exitCode, signal, stderr },
    },
  );
}

function timedOut({ name, argv, timeoutMs }: ExecRequest, stderr: Buffer): MultipassError {
  return new MultipassError(
    'TIMED_OUT',
    `"${argv[0] ?? ''}" in "${name}" did not end within ${timeoutMs ?? 0} ms`,
    {
      hint: 'Give it more time, or look what it waits for: it got SIGTERM.',
      details: { name, argv, stderr: stderr.toString('utf8').slice(-LAST_WORDS) },
    },
  );
}
