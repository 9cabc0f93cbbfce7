import { write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf, sleep } from '../command-line.js';

/** Standard output or standard error, by its number. */
export type StandardOutput = 1 | 2;

/** How long to wait for a reader that is behind. */
const PAUSE_MS = 5;

/**
 * Writes a whole text to standard output or standard error, and waits for a slow reader. It goes past `process.stdout`,
 * because that stream costs 3 ms to make, and because some runtimes leave the pipe non-blocking for the programs that
 * have it after us (oven-sh/bun issue 33827). Whoever shares the pipe may have made it non-blocking before us.
 * @throws the system's error: EPIPE when nobody reads any more, ENOSPC, EIO
 */
export function writeFully(fd: StandardOutput, text: string): void {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

/**
 * As {@link writeFully}, for bytes that keep coming: meanwhile other work goes on.
 * @throws the system's error
 */
export async function writeBytes(fd: StandardOutput, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += (await promisify(write)(fd, bytes, done)).bytesWritten;
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      await sleep(PAUSE_MS);
    }
  }
}
