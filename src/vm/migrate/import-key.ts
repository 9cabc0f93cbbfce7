import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fromSystemError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { newToken } from '../../store/maker-token.js';
import { syncPath } from '../../files/sync.js';

/**
 * Brings the key of a legacy Multipass into `keys/`, readable by the owner alone, and durable before any spec names
 * it: without it nobody could enter a migrated guest. Named by its content, so importing twice does nothing twice.
 * @returns the key's name for the spec
 */
export async function importKey(layout: StoreLayout, path: string): Promise<string> {
  try {
    const key = await readFile(path);
    const name = `multipass-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
    const target = layout.key(name);
    if (lstatSync(target, { throwIfNoEntry: false }) === undefined) {
      await writeKey(key, { draft: layout.staged(newToken()), target });
    }
    await syncPath(layout.keys);
    return name;
  } catch (error) {
    throw fromSystemError(error, 'bring the ssh key over', path);
  }
}

async function writeKey(key: Buffer, to: { draft: string; target: string }): Promise<void> {
  try {
    await writeFile(to.draft, key, { mode: 0o600, flag: 'wx' });
    await syncPath(to.draft);
    await rename(to.draft, to.target);
  } catch (error) {
    await rm(to.draft, { force: true });
    throw error;
  }
}
