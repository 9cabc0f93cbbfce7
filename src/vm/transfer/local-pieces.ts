import type { FileHandle } from 'node:fs/promises';
import { PIECE } from './sftp/protocol.js';
import type { Piece } from './sftp/read-file.js';

/** Bytes that are read at once: a hole is passed in great steps. */
const BLOCK = 16 * PIECE;

const ZEROS = Buffer.alloc(PIECE);

/** Whether bytes are what a hole reads as. At most a {@link PIECE}. */
export function isHole(data: Uint8Array): boolean {
  return ZEROS.compare(data, 0, data.length, 0, data.length) === 0;
}

/** The pieces of an open file of this host, one after the other; of one with holes, those that are none. */
export class LocalPieces {
  readonly #file: FileHandle;
  readonly #skipHoles: boolean;
  /** How far it has been read. */
  #end = 0;
  #block: { readonly offset: number; readonly data: Buffer } | undefined;
  #at = 0;

  constructor(file: FileHandle, { skipHoles }: { readonly skipHoles: boolean }) {
    this.#file = file;
    this.#skipHoles = skipHoles;
  }

  /** Bytes so far, those of holes included. */
  get length(): number {
    return this.#end;
  }

  /** The next piece; undefined at the end. @throws the system's own error */
  async next(): Promise<Piece | undefined> {
    for (;;) {
      const block = this.#block;
      if (block === undefined || this.#at >= block.data.length) {
        if (!(await this.#readBlock())) return undefined;
        continue;
      }
      const piece = {
        offset: block.offset + this.#at,
        data: block.data.subarray(this.#at, this.#at + PIECE),
      };
      this.#at += piece.data.length;
      if (!this.#skipHoles || !isHole(piece.data)) return piece;
    }
  }

  async #readBlock(): Promise<boolean> {
    const buffer = Buffer.allocUnsafeSlow(BLOCK);
    const { bytesRead } = await this.#file.read(buffer, 0, BLOCK, this.#end);
    this.#block = { offset: this.#end, data: buffer.subarray(0, bytesRead) };
    this.#at = 0;
    this.#end += bytesRead;
    return bytesRead > 0;
  }
}
