import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf, fromSystemError } from '../../errors.js';

const PIECE = 64 * 1024;

/**
 * Reads a log that is written meanwhile, from its beginning, piece by piece. A log may have an older half, into whose
 * place the newer one is moved when it has grown enough: nothing of either is missed, or read twice, as long as this
 * reads oftener than that happens. Links are not followed.
 */
export class LogReader {
  readonly #newer: string;
  readonly #older: string | undefined;
  /** Inode of the file that was read last, and how far. */
  #inode = 0n;
  #offset = 0;
  #hasBegun = false;

  constructor(newer: string, older?: string) {
    this.#newer = newer;
    this.#older = older;
  }

  /** What has come since the last call; empty when nothing has. @throws MultipassError PERMISSION_DENIED, IO_ERROR */
  read(): Buffer {
    const pieces: Buffer[] = [];
    const inode = inodeOf(this.#newer);
    if (this.#older !== undefined && inode !== this.#inode) {
      const older = inodeOf(this.#older);
      // Before the first look, all of the older half is new; later it is the rest of what we were at.
      if (older !== undefined && (!this.#hasBegun || older === this.#inode)) {
        pieces.push(this.#readFrom(this.#older));
      }
    }
    if (inode !== undefined) {
      if (inode !== this.#inode) this.#offset = 0;
      this.#inode = inode;
      pieces.push(this.#readFrom(this.#newer));
    }
    this.#hasBegun = true;
    return Buffer.concat(pieces);
  }

  #readFrom(path: string): Buffer {
    const read = readFrom(path, this.#offset);
    this.#offset += read.length;
    return read;
  }
}

function inodeOf(path: string): bigint | undefined {
  return withFile(path, (descriptor) => {
    const stats = fstatSync(descriptor, { bigint: true });
    return stats.isFile() ? stats.ino : undefined;
  });
}

function readFrom(path: string, offset: number): Buffer {
  const pieces = withFile(path, (descriptor) => {
    const found: Buffer[] = [];
    // What is written in the meantime is for the next call: a guest may write faster than we read.
    const end = fstatSync(descriptor).size;
    for (let at = offset; at < end;) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, end - at));
      const count = readSync(descriptor, piece, 0, piece.length, at);
      if (count === 0) break;
      found.push(piece.subarray(0, count));
      at += count;
    }
    return found;
  });
  return Buffer.concat(pieces ?? []);
}

/** Undefined where there is no such file. */
function withFile<T>(path: string, use: (descriptor: number) => T): T | undefined {
  try {
    const descriptor = openSync(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      return use(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, 'read the log', path);
  }
}
