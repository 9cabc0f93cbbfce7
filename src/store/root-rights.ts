import { accessSync, constants, readdirSync, statSync, type Stats } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { geteuid } from 'node:process';
import { errnoOf, fromSystemError, MultipassError } from '../errors.js';
import type { StoreLayout } from './layout.js';

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Refuses a store into which others than its owner can put what they like.
 * @throws MultipassError STORE_NOT_PRIVATE with the command that mends it; the system's own error but ENOENT
 */
export function requirePrivateRoot({ root }: StoreLayout): void {
  const stats = statSync(root, { throwIfNoEntry: false });
  if (stats !== undefined && (stats.mode & WRITABLE_BY_OTHERS) !== 0) throw notPrivate(root, stats);
}

/**
 * Makes sure, before a store is changed, that its folder is ours: what we made in another user's would be lost to that
 * user, and what is there may have been made for us to find. One in which there is no store yet, and nothing else
 * either, is shut to others, for a folder that somebody makes is open to the group on many systems.
 * @param exists whether there is a store
 * @throws MultipassError STORE_NOT_PRIVATE, PERMISSION_DENIED
 */
export async function requireOwnRoot(
  { root }: StoreLayout,
  { exists }: { readonly exists: boolean },
): Promise<void> {
  const stats = statSync(root);
  if (stats.uid !== geteuid?.()) {
    // The kernel keeps us from changing it, and the reason is told with what could not be done.
    if (isWritable(root)) throw notOurs(root, stats.uid);
    return;
  }
  if (exists || (stats.mode & WRITABLE_BY_OTHERS) === 0) return;
  if (readdirSync(root).length > 0) throw notPrivate(root, stats);
  await chmod(root, 0o700).catch((error: unknown) => {
    throw fromSystemError(error, 'set up the store', root);
  });
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

function notPrivate(root: string, { mode }: Stats): MultipassError {
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  return new MultipassError(
    'STORE_NOT_PRIVATE',
    `others than its owner may write in the store "${root}" (mode ${octal})`,
    {
      hint: `Look at what is in it, then close it to them: chmod go-w '${root}'`,
      details: { path: root, mode: octal },
    },
  );
}

function notOurs(root: string, owner: number): MultipassError {
  const ours = geteuid?.() ?? 0;
  return new MultipassError(
    'STORE_NOT_PRIVATE',
    `the store "${root}" belongs to the user with the id ${owner}, and this command runs as ${ours}`,
    {
      hint: `Run it as that user (sudo -u '#${owner}' …), or make the store yours: sudo chown -R ${ours} '${root}'`,
      details: { path: root, owner: String(owner) },
    },
  );
}
