import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import type { Readable } from 'node:stream';

/** How a program is started whose output is collected. */
export interface CollectOptions extends Required<Pick<SpawnOptions, 'cwd' | 'env'>> {
  /** What it gets as fd 0, 1, 2 and further on; what it writes into the pipes is collected. */
  readonly stdio: ('ignore' | 'pipe' | number)[];
  readonly signal?: AbortSignal | undefined;
  /** How long after SIGTERM it gets SIGKILL. */
  readonly patienceMs: number;
  /** What it reads from its fd 0, when that is a pipe. */
  readonly input?: string | undefined;
}

/** How a program ended. */
export interface Collected {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** Without the last line feed, as the next. */
  readonly stdout: string;
  readonly stderr: string;
  /** Why it could not be started. */
  readonly cause?: unknown;
}

/**
 * Runs a program to its end and collects what it says; never rejects. It has ended when its pipes are closed, too; once
 * the signal has fired what it has started itself is not waited for. It does not outlive us when we end in good order.
 *
 * For helpers of a few milliseconds: execa, which does more, takes 10 ms to load.
 */
export async function collect(
  file: string,
  args: readonly string[],
  { signal, patienceMs, input, ...options }: CollectOptions,
): Promise<Collected> {
  let child: ChildProcess;
  try {
    child = spawn(file, args, options);
  } catch (cause) {
    return { stdout: '', stderr: '', cause };
  }
  // One that ends before it has read all is told of by how it ends.
  child.stdin?.on('error', () => undefined).end(input);
  const [stdout, stderr] = [piecesOf(child.stdout), piecesOf(child.stderr)];
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  };
  endWithUs(child);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const cause = await endOf(child, signal);
    return {
      exitCode: child.exitCode ?? undefined,
      signal: child.signalCode ?? undefined,
      stdout: textOf(stdout),
      stderr: textOf(stderr),
      cause,
    };
  } finally {
    forget(child);
    signal?.removeEventListener('abort', stop);
    clearTimeout(timer);
  }
}

const running = new Set<ChildProcess>();

/** One listener for all: Node takes more than ten for a leak, and says so on stderr. */
function endWithUs(child: ChildProcess): void {
  if (running.size === 0) process.once('exit', endAll);
  running.add(child);
}

function forget(child: ChildProcess): void {
  running.delete(child);
  if (running.size === 0) process.off('exit', endAll);
}

function endAll(): void {
  for (const child of running) child.kill('SIGTERM');
}

/** @returns why it could not be started, if it could not */
async function endOf(child: ChildProcess, signal: AbortSignal | undefined): Promise<unknown> {
  return await new Promise((resolve) => {
    const letGo = (): void => {
      if (signal?.aborted !== true) return;
      // What it has started itself may have our pipes open for long after its end.
      if (child.exitCode === null && child.signalCode === null) return;
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    child.once('error', (cause) => {
      if (child.pid === undefined) resolve(cause);
    });
    child.once('exit', letGo);
    child.once('close', () => {
      signal?.removeEventListener('abort', letGo);
      resolve(undefined);
    });
    signal?.addEventListener('abort', letGo, { once: true });
  });
}

function piecesOf(stream: Readable | null): Buffer[] {
  const pieces: Buffer[] = [];
  stream?.on('data', (piece: Buffer) => pieces.push(piece));
  return pieces;
}

function textOf(pieces: readonly Buffer[]): string {
  return Buffer.concat(pieces)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}
