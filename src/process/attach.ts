import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { throwIfAborted } from '../abort.js';
import { log } from '../log.js';
import { startError } from './programs.js';

/** How a program is run in the place of this one. */
export interface AttachedOptions {
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program on this process's own stdin, stdout and stderr, terminal included, and waits for its end.
 * @returns its exit code; 128 and the number of the signal that ended it
 * @throws MultipassError TOOL_MISSING when there is no such program; IO_ERROR when there is no such folder; ABORTED
 */
export async function runAttached(
  file: string,
  args: readonly string[],
  options: AttachedOptions,
): Promise<number> {
  const { cwd, signal } = options;
  throwIfAborted(signal);
  log('debug', 'spawn', [file, ...args].join(' '));
  let child: ChildProcess;
  try {
    child = spawn(file, args, { cwd, stdio: 'inherit' });
  } catch (error) {
    throw startError(error, file, cwd);
  }
  const stop = (): void => void child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(startError(error, file, cwd)));
      child.once('exit', (code, by) =>
        resolve(code ?? 128 + (by === null ? 0 : constants.signals[by])),
      );
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
