import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../errors.js';

/** The error for what cannot be taken; the problem is what stands behind "it is", such as `not a regular file`. */
export type Unfit = (problem: string) => Error;

/** An open regular file, for the time of one function. */
export interface OpenFile {
  readonly descriptor: number;
  /** Bytes, when it was opened. */
  readonly size: number;
}

const NO_FILE = 'not a regular file';

/**
 * Opens a file that somebody else may have put there, links followed: a FIFO, a socket or a device never makes this
 * wait. Synchronous, as are all our reads of small files.
 * @throws what `unfit` makes of anything but a regular file; the system's own error; what `use` throws
 */
export function withRegularFile<T>(path: string, unfit: Unfit, use: (file: OpenFile) => T): T {
  const descriptor = openWithoutWaiting(path, unfit);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw unfit(NO_FILE);
    return use({ descriptor, size: stats.size });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads a whole file of at most `largest` bytes, as {@link withRegularFile}; never more, though it grows meanwhile.
 * @throws as {@link withRegularFile}; what `unfit` makes of a larger one
 */
export function readRegularFile(
  path: string,
  { largest, unfit }: { readonly largest: number; readonly unfit: Unfit },
): Buffer {
  return withRegularFile(path, unfit, ({ descriptor, size }) => {
    const content = Buffer.allocUnsafe(Math.min(size, largest) + 1);
    let filled = 0;
    while (filled < content.length) {
      const count = readSync(descriptor, content, filled, content.length - filled, filled);
      if (count === 0) return content.subarray(0, filled);
      filled += count;
    }
    throw unfit(size > largest ? `larger than ${largest} bytes` : 'growing while it is being read');
  });
}

function openWithoutWaiting(path: string, unfit: Unfit): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    // A socket, or a device without a driver.
    if (['ENXIO', 'ENODEV'].includes(errnoOf(error) ?? '')) throw unfit(NO_FILE);
    throw error;
  }
}
