import { open } from 'node:fs/promises';
import { orAborted } from '../../abort.js';
import { fromSystemError } from '../../errors.js';
import { partsWithData } from '../../files/parts-with-data.js';
import type { Work } from '../../work.js';
import { requireSpace } from '../disks/free-space.js';

/** How a stream begins, and all of it. */
export interface PeekedStream {
  readonly start: Buffer;
  readonly all: AsyncIterable<Uint8Array>;
}

/** Waits for the first bytes of a stream; it is not lost by that. */
export async function peek(
  bytes: AsyncIterable<Uint8Array>,
  length: number,
  work: Work,
): Promise<PeekedStream> {
  const pieces = bytes[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let has = 0;
  let isOver = false;
  while (has < length && !isOver) {
    const next = await orAborted(pieces.next(), work.signal);
    if (next.done === true) isOver = true;
    else {
      first.push(next.value);
      has += next.value.length;
    }
  }
  async function* all(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* first;
      while (!isOver) {
        const next = await orAborted(pieces.next(), work.signal);
        if (next.done === true) isOver = true;
        else yield next.value;
      }
    } finally {
      if (!isOver) await pieces.return?.();
    }
  }
  return { start: Buffer.concat(first).subarray(0, length), all: all() };
}

/** Room is looked for before each so many bytes. */
const STEP = 64 * 1024 ** 2;

/**
 * Writes a stream to a new file, zeros as holes: disks are not read from their beginning to their end.
 * @throws MultipassError DISK_FULL, ABORTED, IO_ERROR
 */
export async function park(
  bytes: AsyncIterable<Uint8Array>,
  target: string,
  work: Work,
): Promise<void> {
  work.begin('retrieving');
  try {
    await using file = await open(target, 'wx', 0o600);
    let [at, checked] = [0, 0];
    for await (const chunk of bytes) {
      const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      if (at + piece.length > checked) {
        await requireSpace(target, piece.length);
        checked = at + piece.length + STEP;
      }
      for (const [start, end] of partsWithData(piece)) {
        await file.write(piece, start, end - start, at + start);
      }
      at += piece.length;
    }
    await file.truncate(at);
  } catch (error) {
    throw fromSystemError(error, 'keep what comes in', target);
  }
}
