import { readSync } from 'node:fs';
import { fromSystemError, MultipassError } from '../errors.js';
import { withRegularFile } from '../files/regular-file.js';

/** What is read at once: the header with its extensions, or a usual snapshot table, in one call. */
const WINDOW_SIZE = 4096;

/**
 * The bytes of an open disk image, read through one small window. Every reader checks against the file's
 * size before anything is allocated, so that a number in a damaged image can only end in DISK_INVALID.
 */
export class DiskBytes {
  readonly path: string;
  readonly size: number;
  readonly #fd: number;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(path: string, fd: number, size: number) {
    this.path = path;
    this.#fd = fd;
    this.size = size;
  }

  /** @throws MultipassError DISK_INVALID, always; `details.problem` is what is said of it */
  fail(problem: string): never {
    throw diskInvalid(this.path, problem);
  }

  /** The bytes at a place, as many of them as there are. */
  upTo(offset: number, length: number): Buffer {
    const there = Math.max(0, Math.min(length, this.size - offset));
    return there === 0 ? Buffer.alloc(0) : this.at(offset, there);
  }

  /** The bytes at a place, all of them or none. @throws MultipassError DISK_INVALID */
  at(offset: number, length: number): Buffer {
    if (offset + length > this.size) {
      this.fail(
        `it is cut off: it ends at byte ${this.size}, but ${length} bytes at ${offset} are needed`,
      );
    }
    const windowEnd = this.#windowStart + this.#window.length;
    if (offset < this.#windowStart || offset + length > windowEnd) {
      this.#window = this.#read(
        offset,
        Math.min(Math.max(length, WINDOW_SIZE), this.size - offset),
      );
      this.#windowStart = offset;
    }
    const start = offset - this.#windowStart;
    return this.#window.subarray(start, start + length);
  }

  /** A 64-bit number that a double holds exactly. @throws MultipassError DISK_INVALID */
  safeInteger(buffer: Buffer, offset: number, what: string): number {
    const value = buffer.readBigUInt64BE(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`${what} ${value.toString()} is absurd`);
    return Number(value);
  }

  /** A string; QEMU would end it at a NUL, so one that has any is refused. @throws MultipassError DISK_INVALID */
  text(buffer: Buffer, what: string): string {
    if (buffer.includes(0)) this.fail(`${what} contains a NUL byte`);
    return buffer.toString('utf8');
  }

  #read(offset: number, length: number): Buffer {
    const buffer = Buffer.alloc(length);
    for (let filled = 0; filled < length;) {
      const count = readSync(this.#fd, buffer, filled, length - filled, offset + filled);
      if (count === 0) this.fail('it was cut off while it was being read');
      filled += count;
    }
    return buffer;
  }
}

/**
 * Opens a disk image for the time of one function; a FIFO or a device never makes it wait.
 * @throws MultipassError DISK_INVALID when it is no regular file; IO_ERROR, PERMISSION_DENIED
 */
export function withDiskBytes<T>(path: string, use: (bytes: DiskBytes) => T): T {
  try {
    return withRegularFile(
      path,
      (problem) => diskInvalid(path, problem),
      ({ descriptor, size }) => use(new DiskBytes(path, descriptor, size)),
    );
  } catch (error) {
    throw fromSystemError(error, 'read the disk', path);
  }
}

function diskInvalid(path: string, problem: string): MultipassError {
  return new MultipassError('DISK_INVALID', `"${path}" is not a qcow2 image: ${problem}`, {
    hint: 'Put back a copy of that disk, or remove it; nothing was changed.',
    details: { path, problem },
  });
}
