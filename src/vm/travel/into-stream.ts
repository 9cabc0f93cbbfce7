import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { TakeBytes } from '../../files/tar/tar-writer.js';

/** Writes bytes to a stream, no faster than it takes them; it is not ended. */
export function intoStream(stream: Writable): TakeBytes {
  return promisify((bytes: Uint8Array, done: (error: Error | null | undefined) => void) => {
    stream.write(bytes, done);
  });
}
