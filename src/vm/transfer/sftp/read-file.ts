import type { Handle, SftpClient } from './client.js';
import { inOrder } from './in-order.js';
import { PIECE } from './protocol.js';

/** A piece of a file, and where in it that is. */
export interface Piece {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A file that does not say how long it is, as those of /proc, is read that far at most. */
const MOST_OF_UNTOLD = 1024 ** 3;

/**
 * Reads a file of the server, many pieces at once, and hands them on in their order. It ends where the file does, and
 * not behind the size that was told: what grows meanwhile, or lies, is not read for ever.
 * @param size as `fstat` tells it; 0 says nothing
 * @returns bytes that were read
 * @throws SftpStatusError, SftpProtocolError, ABORTED; what `take` throws
 */
export async function readRemoteFile(
  client: SftpClient,
  { handle, size }: { readonly handle: Handle; readonly size: number },
  take: (piece: Piece) => Promise<void>,
): Promise<number> {
  const end = size === 0 ? MOST_OF_UNTOLD : size;
  let [asked, read] = [0, 0];
  await inOrder(
    () => {
      if (asked >= end) return undefined;
      const [offset, length] = [asked, Math.min(PIECE, end - asked)];
      asked += length;
      return client.read(handle, offset, length).then((data) => ({ offset, length, data }));
    },
    async ({ offset, length, data }) => {
      let got = data;
      for (let at = offset; got !== null;) {
        await take({ offset: at, data: got });
        at += got.length;
        read = at;
        const missing = offset + length - at;
        if (missing === 0) return true;
        got = await client.read(handle, at, missing);
      }
      return false;
    },
  );
  return read;
}
