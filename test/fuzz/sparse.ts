import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const SECTOR = 512;
const LARGEST = 64 * 1024 ** 2;

/** A part of a file that is not all zeros. */
interface Part {
  readonly at: number;
  readonly data: Buffer;
}

/**
 * Packs a file that is zeros for the most part, so that changes hit what it has: its size, and then each part with its
 * place and its length.
 */
export function packSparse(file: Buffer): Buffer {
  const pieces: Buffer[] = [numberOf(file.length)];
  for (let at = 0; at < file.length; at += SECTOR) {
    if (isZero(file, at)) continue;
    const start = at;
    while (at < file.length && !isZero(file, at)) at += SECTOR;
    const data = file.subarray(start, at);
    pieces.push(numberOf(start), numberOf(data.length), data);
  }
  return Buffer.concat(pieces);
}

/** The parts of what {@link packSparse} made, or of anything else; places and sizes stay below a limit. */
function partsOf(packed: Buffer): { size: number; parts: Part[] } {
  const size = packed.length < 4 ? 0 : packed.readUInt32LE(0) % LARGEST;
  const parts: Part[] = [];
  for (let at = 4; at + 8 <= packed.length;) {
    const place = packed.readUInt32LE(at) % LARGEST;
    const length = packed.readUInt32LE(at + 4);
    parts.push({ at: place, data: packed.subarray(at + 8, at + 8 + length) });
    at += 8 + length;
  }
  return { size, parts };
}

/** The file itself. */
export function unpackSparse(packed: Buffer): Buffer {
  const { size, parts } = partsOf(packed);
  const file = Buffer.alloc(size);
  for (const { at, data } of parts) data.copy(file, Math.min(at, size));
  return file;
}

/** Writes it to a path, with its holes. */
export function writeSparse(path: string, packed: Buffer): string {
  const { size, parts } = partsOf(packed);
  const descriptor = openSync(path, 'w');
  try {
    for (const { at, data } of parts) writeSync(descriptor, data, 0, data.length, at);
    ftruncateSync(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
  return path;
}

function isZero(file: Buffer, at: number): boolean {
  return file.subarray(at, at + SECTOR).every((byte) => byte === 0);
}

function numberOf(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
