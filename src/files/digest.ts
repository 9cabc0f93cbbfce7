import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { JsonPlace } from './decoder.js';
import { orAborted } from '../abort.js';

/** `sha256:` and 64 hex digits, as OCI names what a blob holds. */
export type Digest = string;

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const PREFIX = 'sha256:';

/** The digest of bytes. */
export function digestOf(data: Uint8Array): Digest {
  return PREFIX + createHash('sha256').update(data).digest('hex');
}

/** Decodes one. @throws RecordError */
export function decodeDigest(place: JsonPlace): Digest {
  return place.matching(DIGEST, 'a SHA-256 digest');
}

/** Whether a text is one. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Its hex digits, as a blob is called by. */
export function hexOf(digest: Digest): string {
  return digest.slice(PREFIX.length);
}

/** The digest of a whole file. @throws the system's own error; MultipassError ABORTED */
export async function digestOfFile(path: string, signal?: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1024 ** 2 })) {
    hash.update(piece as Buffer);
    await orAborted(Promise.resolve(), signal);
  }
  return PREFIX + hash.digest('hex');
}

/** What a hole of a file reads as. */
const ZEROS = Buffer.alloc(1024 ** 2);

/** The digest of a file whose parts come one after the other, and holes between them. */
export class FileDigest {
  readonly #hash = createHash('sha256');
  #at = 0;
  #isInOrder = true;

  /** Adds bytes at a place. */
  add(offset: number, data: Uint8Array): void {
    if (offset < this.#at) this.#isInOrder = false;
    if (!this.#isInOrder) return;
    this.#addHole(offset);
    this.#hash.update(data);
    this.#at += data.length;
  }

  /** Of a file of so many bytes; undefined when the parts did not come in order. */
  end(size: number): Digest | undefined {
    if (!this.#isInOrder || size < this.#at) return undefined;
    this.#addHole(size);
    return PREFIX + this.#hash.digest('hex');
  }

  #addHole(end: number): void {
    while (this.#at < end) {
      const length = Math.min(ZEROS.length, end - this.#at);
      this.#hash.update(ZEROS.subarray(0, length));
      this.#at += length;
    }
  }
}
