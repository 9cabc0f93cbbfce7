import { contentLength, type HttpAnswer } from '../http/request.js';

/**
 * Reads an answer into memory.
 * @throws an error when it is longer than `most` bytes; MultipassError DOWNLOAD_FAILED when it is cut off; ABORTED
 */
export async function readBody(answer: HttpAnswer, most: number): Promise<Buffer> {
  const tooLong = (): Error => {
    answer.cancel();
    return new TooLong(`it sends more than the ${most} bytes that are allowed`);
  };
  if ((contentLength(answer) ?? 0) > most) throw tooLong();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body()) {
    length += piece.length;
    if (length > most) throw tooLong();
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

/** More came than may. */
export class TooLong extends Error {
  override readonly name = 'TooLong';
}
