import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { folderOf, shown, within } from './byte-path.js';
import { meaning, transferFailed, type Ends } from './failure.js';
import { draftName } from './local-folder.js';
import { LocalPieces } from './local-pieces.js';
import { kindOf } from './sftp/attributes.js';
import { SftpStatusError, type Handle, type SftpClient } from './sftp/client.js';
import type { Piece } from './sftp/read-file.js';
import { writeRemoteFile } from './sftp/write-file.js';
import type { Tally } from './tally.js';

/** Where files go, and who counts them. */
export interface Push {
  readonly client: SftpClient;
  /** Name of the instance. */
  readonly name: string;
  readonly tally: Tally;
}

/** What is written into one file of a guest. */
export interface Content {
  /** The next piece; undefined at the end. */
  readonly next: () => Promise<Piece | undefined>;
  /** How long the file is, holes at its end included; asked when all was written. */
  readonly length: () => number;
  /** Undefined: what the guest gives new files. */
  readonly permissions: number | undefined;
}

/** What a guest is given to clean up after a file that failed. */
const PATIENCE_MS = 3000;

/** Opens a file of this host. @param follow whether it may be a link: where the user has named it */
async function openFile(path: Buffer, follow: boolean): Promise<FileHandle> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  return await open(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
}

/**
 * Copies a file of this host into a guest, by the name `to` when it is whole; holes stay holes.
 * @param options.inPlace writes into what is there, such as a device, in place of a new file
 * @throws MultipassError TRANSFER_FAILED; SftpProtocolError, ABORTED
 */
export async function pushFile(
  push: Push,
  from: Buffer,
  { to, follow, inPlace = false }: { to: Buffer; follow: boolean; inPlace?: boolean },
): Promise<void> {
  push.tally.work.note(shown(from));
  await meaning(endsOf(push, from, to), async () => {
    const file = await openFile(from, follow);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) {
        throw transferFailed({ doing: 'read', path: shown(from) }, 'it is no file');
      }
      const pieces = new LocalPieces(file, { skipHoles: stats.blocks * 512 < stats.size });
      await pushContent(
        push,
        { to, inPlace },
        {
          next: () => pieces.next(),
          length: () => pieces.length,
          permissions: stats.mode & 0o777,
        },
      );
    } finally {
      await file.close();
    }
  });
}

/** The same for bytes that come from anywhere. @throws as {@link pushFile}; what `next` throws */
export async function pushContent(
  push: Push,
  { to, inPlace }: { readonly to: Buffer; readonly inPlace: boolean },
  content: Content,
): Promise<void> {
  const { client } = push;
  if (inPlace) {
    const handle = await client.openToWrite(to);
    await fill(push, handle, content);
    await client.close(handle);
  } else await replace(push, to, content);
  push.tally.copied('file');
}

async function replace(push: Push, to: Buffer, content: Content): Promise<void> {
  const { client } = push;
  const draft = within(folderOf(to), draftName());
  const handle = await client.create(draft);
  try {
    const written = await fill(push, handle, content);
    const size = content.length();
    if (size > written) await client.fsetstat(handle, { size });
    await client.fsetstat(handle, { mode: content.permissions ?? 0o644 });
    await client.close(handle);
    await client.rename(draft, to).catch(async (error: unknown) => {
      throw (await isThere(client, to, 'folder')) ? occupied(push, to, 'it is a folder') : error;
    });
  } catch (error) {
    await cleanUp(client, handle, draft);
    throw error;
  }
}

/** @returns where the last piece ended */
async function fill({ client, tally }: Push, handle: Handle, content: Content): Promise<number> {
  let [end, told] = [0, 0];
  await writeRemoteFile(client, handle, {
    next: content.next,
    onWritten: ({ offset, data }) => {
      end = Math.max(end, offset + data.length);
      tally.advance(end - told);
      told = end;
    },
  });
  tally.advance(content.length() - told);
  return end;
}

async function cleanUp(client: SftpClient, handle: Handle, draft: Buffer): Promise<void> {
  const anyway = { anyway: true };
  const done = Promise.allSettled([client.close(handle, anyway), client.remove(draft, anyway)]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)));
  await Promise.race([done, late]);
  clearTimeout(timer);
}

/** Whether a path leads to something, or to a folder. */
export async function isThere(
  client: SftpClient,
  path: Buffer,
  kind: 'folder' | 'any',
): Promise<boolean> {
  try {
    const attributes = await client.stat(path);
    return kind === 'any' || kindOf(attributes) === 'folder';
  } catch (error) {
    if (!(error instanceof SftpStatusError)) throw error;
    return false;
  }
}

/** The failure of a name that something else has. */
export function occupied({ name }: Push, path: Buffer, reason: string): Error {
  return transferFailed({ doing: 'write', path: `${name}:${shown(path)}` }, reason);
}

/** The two ends of one file. */
export function endsOf({ name }: Push, from: Buffer, to: Buffer): Ends {
  return {
    guest: { doing: 'write', path: `${name}:${shown(to)}` },
    host: { doing: 'read', path: shown(from) },
  };
}
