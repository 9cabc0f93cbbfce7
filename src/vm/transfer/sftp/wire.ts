/*
 * SFTP's data types (draft-ietf-secsh-filexfer-02, section 3): numbers are big-endian, a string is its length and its
 * bytes. What a peer sends is taken apart strictly: whatever runs past the end of a message is no message.
 */

/** What a peer sent is no SFTP. Nothing that it sends from then on means anything. */
export class SftpProtocolError extends Error {
  override readonly name: string = 'SftpProtocolError';
}

/** The peer has hung up, or the program that led to it has ended. */
export class SftpHungUpError extends SftpProtocolError {
  override readonly name = 'SftpHungUpError';
}

/** A number of 32 bits, as it is in a message. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A number of 64 bits, as it is in a message. @param value a whole number that Node counts exactly */
export function uint64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** A string of bytes, as it is in a message: in two pieces, so that data is not copied. */
export function string(bytes: Uint8Array): [Buffer, Uint8Array] {
  return [uint32(bytes.length), bytes];
}

/** Takes a message apart, from its beginning. Strings are pieces of it, not copies. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes that are still to be read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws SftpProtocolError past the end, as all of these */
  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  /** Numbers that Node does not count exactly are no sizes of files: they are refused. */
  uint64(): number {
    const value = Number(this.#take(8).readBigUInt64BE());
    if (!Number.isSafeInteger(value)) throw new SftpProtocolError(`the number ${value} is too big`);
    return value;
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  #take(length: number): Buffer {
    if (length > this.left) throw new SftpProtocolError('a message ends too early');
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }
}
