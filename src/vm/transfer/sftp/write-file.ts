import type { Handle, SftpClient } from './client.js';
import { inOrder } from './in-order.js';
import type { Piece } from './read-file.js';

/**
 * Writes pieces into a file of the server, many at once.
 * @param next the next piece; undefined at the end
 * @param onWritten told of each piece that the server has
 * @throws SftpStatusError, SftpProtocolError, ABORTED; what `next` throws
 */
export async function writeRemoteFile(
  client: SftpClient,
  handle: Handle,
  {
    next,
    onWritten,
  }: { next: () => Promise<Piece | undefined>; onWritten: (piece: Piece) => void },
): Promise<void> {
  let hasEnded = false;
  // Pieces are taken one after the other, though several are on their way.
  let taken: Promise<unknown> = Promise.resolve();
  await inOrder(
    () => {
      if (hasEnded) return undefined;
      const piece = taken.then(async () => (hasEnded ? undefined : await next()));
      taken = piece;
      return piece.then(async (found) => {
        if (found === undefined) hasEnded = true;
        else await client.write(handle, found.offset, found.data);
        return found;
      });
    },
    (piece) => {
      if (piece !== undefined) onWritten(piece);
      return piece !== undefined;
    },
  );
}
