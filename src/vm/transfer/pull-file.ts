import type { FileHandle } from 'node:fs/promises';
import { shown } from './byte-path.js';
import { meaning, transferFailed, type Ends } from './failure.js';
import type { LocalFolder } from './local-folder.js';
import { isHole } from './local-pieces.js';
import { kindOf, permissionsOf, type Attributes } from './sftp/attributes.js';
import type { SftpClient } from './sftp/client.js';
import { readRemoteFile, type Piece } from './sftp/read-file.js';
import type { Tally } from './tally.js';

/** Where files come from, and who counts them. */
export interface Pull {
  readonly client: SftpClient;
  /** Name of the instance. */
  readonly name: string;
  readonly tally: Tally;
}

/** A name in an open folder of this host, and its whole path for people. */
export interface Place {
  readonly folder: LocalFolder;
  readonly name: Buffer;
  readonly path: Buffer;
}

/** What a file may be used for whose permissions the guest does not tell. */
const USUAL = 0o644;

/**
 * Copies a file of a guest. It is there when it is whole; zeros become holes.
 * @throws MultipassError TRANSFER_FAILED, DISK_FULL; SftpProtocolError, ABORTED
 */
export async function pullFile(pull: Pull, from: Buffer, to: Place): Promise<void> {
  const { tally } = pull;
  await meaning(endsOf(pull, from, to.path), async () => {
    await readOpened(pull, from, async (attributes, readInto) => {
      const permissions = permissionsOf(attributes) ?? USUAL;
      await to.folder.makeFile(to.name, permissions, async (file) => {
        await file.truncate(await readInto((piece) => writeWithHoles(file, piece)));
      });
    });
  });
  tally.copied('file');
}

/**
 * Hands on what a file of a guest holds, in its order.
 * @throws MultipassError TRANSFER_FAILED; what `take` throws; SftpProtocolError, ABORTED
 */
export async function pullBytes(
  pull: Pull,
  from: Buffer,
  { path, take }: { readonly path: Buffer; readonly take: (data: Uint8Array) => Promise<void> },
): Promise<void> {
  await meaning(endsOf(pull, from, path), async () => {
    await readOpened(pull, from, async (_, readInto) => {
      await readInto(({ data }) => take(data));
    });
  });
  pull.tally.copied('file');
}

type ReadInto = (take: (piece: Piece) => Promise<void>) => Promise<number>;

async function readOpened(
  { client, name, tally }: Pull,
  from: Buffer,
  act: (attributes: Attributes, readInto: ReadInto) => Promise<void>,
): Promise<void> {
  tally.work.note(shown(from));
  const handle = await client.openToRead(from);
  try {
    const attributes = await client.fstat(handle);
    if (kindOf(attributes) !== 'file') {
      throw transferFailed({ doing: 'read', path: `${name}:${shown(from)}` }, 'it is no file');
    }
    await act(
      attributes,
      async (take) =>
        await readRemoteFile(client, { handle, size: attributes.size ?? 0 }, async (piece) => {
          await take(piece);
          tally.advance(piece.data.length);
        }),
    );
  } finally {
    void client.close(handle, { anyway: true }).catch(() => undefined);
  }
}

/** The file is new, so what is not written is a hole. */
async function writeWithHoles(file: FileHandle, { offset, data }: Piece): Promise<void> {
  if (isHole(data)) return;
  for (let at = 0; at < data.length;) {
    at += (await file.write(data, at, data.length - at, offset + at)).bytesWritten;
  }
}

/** The two ends of one file. */
export function endsOf({ name }: Pull, from: Buffer, to: Buffer): Ends {
  return {
    guest: { doing: 'read', path: `${name}:${shown(from)}` },
    host: { doing: 'write', path: shown(to) },
  };
}
