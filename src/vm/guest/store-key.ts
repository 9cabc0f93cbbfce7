import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { errnoOf, fromSystemError } from '../../errors.js';
import { run } from '../../process/run.js';
import type { StoreLayout } from '../../store/layout.js';
import { newToken } from '../../store/maker-token.js';
import { createFile } from '../../files/draft.js';

/** Name of the private key that new instances are entered with. */
export const STORE_KEY = 'id_ed25519';

/**
 * The public key of the store, which is made at the first use. Safe among processes: the first one's key is
 * everybody's.
 * @returns one line as in authorized_keys
 * @throws MultipassError TOOL_MISSING without ssh-keygen; STORE_READ_ONLY, PERMISSION_DENIED, DISK_FULL
 */
export async function storePublicKey(layout: StoreLayout): Promise<string> {
  const path = layout.key(STORE_KEY);
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) await makeKey(layout, path);
    // The public half can always be told from the private one, so it is asked for rather than believed.
    const { stdout } = await run('ssh-keygen', ['-y', '-f', path]);
    const [type = '', key = ''] = stdout.split(/\s+/);
    return `${type} ${key} multipass-ts`;
  } catch (error) {
    throw fromSystemError(error, 'make the ssh key of the store', path);
  }
}

/** In a folder that the sweep knows: ssh-keygen writes a second file beside the first. */
async function makeKey(layout: StoreLayout, path: string): Promise<void> {
  const folder = layout.staged(newToken());
  const draft = join(folder, 'key');
  const words = ['-q', '-t', 'ed25519', '-N', '', '-C', 'multipass-ts', '-f', draft];
  await mkdir(folder, { mode: 0o700 });
  try {
    // Who comes second takes the first one's key.
    await createFile(path, {
      draft,
      doing: 'make the ssh key of the store',
      make: () => run('ssh-keygen', words),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether a key of a spec is there. */
export async function hasKey(layout: StoreLayout, name: string): Promise<boolean> {
  try {
    await readFile(layout.key(name));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw fromSystemError(error, 'read the ssh key', layout.key(name));
  }
}
