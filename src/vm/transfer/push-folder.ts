import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { atOnce } from '../../at-once.js';
import { FILES_AT_ONCE } from './files-at-once.js';
import { folderOf, shown, within } from './byte-path.js';
import { meaning } from './failure.js';
import { draftName } from './local-folder.js';
import { endsOf, isThere, occupied, pushFile, type Push } from './push-file.js';
import { SftpStatusError } from './sftp/client.js';

/** Copies what is in a folder of this host into one of a guest. @param depth folders above it in its tree */
export async function pushContents(push: Push, from: Buffer, { to, depth }: To): Promise<void> {
  const { tally } = push;
  const ends = endsOf(push, from, to);
  // Not with their types, which Bun forgets where names are bytes.
  const names = await meaning(ends, () => readdir(from, 'buffer'));
  const copy = async (name: Buffer): Promise<void> => {
    const source = within(from, name);
    tally.enter(shown(source), depth);
    await tally.attempt(() => pushEntry(push, source, { to: within(to, name), depth }));
  };
  const others: Buffer[] = [];
  await atOnce(
    names.sort((a, b) => a.compare(b)),
    FILES_AT_ONCE,
    async (name) => {
      if (await isFile(within(from, name))) await copy(name);
      else others.push(name);
    },
  );
  for (const name of others) await copy(name);
}

/** What cannot be looked at is told when it is copied. */
async function isFile(path: Buffer): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch {
    return false;
  }
}

interface To {
  readonly to: Buffer;
  readonly depth: number;
}

async function pushEntry(push: Push, from: Buffer, { to, depth }: To): Promise<void> {
  const { client, tally } = push;
  const ends = endsOf(push, from, to);
  const stats = await meaning(ends, () => lstat(from));
  if (stats.isFile()) {
    await pushFile(push, from, { to, follow: false });
    return;
  }
  if (stats.isDirectory()) {
    await pushTree(push, from, { to, depth: depth + 1 });
    return;
  }
  if (!stats.isSymbolicLink()) {
    tally.work.warn(`"${shown(from)}" was left out: it is no file, folder or link`);
    return;
  }
  await meaning(ends, async () => {
    const target = await readlink(from, 'buffer');
    const draft = within(folderOf(to), draftName());
    await client.symlink(draft, target);
    await client.rename(draft, to).catch(async (error: unknown) => {
      await client.remove(draft, { anyway: true }).catch(() => undefined);
      throw error;
    });
  });
  tally.copied('link');
}

/** Copies a folder of this host to a place in a guest, where there may be one already. @throws as {@link pushFile} */
export async function pushTree(push: Push, from: Buffer, { to, depth }: To): Promise<void> {
  const { client, tally } = push;
  const ends = endsOf(push, from, to);
  const permissions = (await meaning(ends, () => stat(from))).mode & 0o777;
  const isNew = await meaning(ends, () => makeFolder(push, to, permissions | 0o700));
  await pushContents(push, from, { to, depth });
  // The guest's umask has had its say.
  if (isNew) await meaning(ends, () => client.setstat(to, { mode: permissions }));
  tally.copied('folder');
}

/** @returns false when there is one @throws MultipassError TRANSFER_FAILED when something else is there */
export async function makeFolder(push: Push, path: Buffer, mode: number): Promise<boolean> {
  const { client } = push;
  try {
    await client.mkdir(path, mode);
    return true;
  } catch (error) {
    if (!(error instanceof SftpStatusError)) throw error;
    if (await isThere(client, path, 'folder')) return false;
    throw (await isThere(client, path, 'any')) ? occupied(push, path, 'it is no folder') : error;
  }
}
