import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { replaceFile } from '../../files/draft.js';
import { syncPath } from '../../files/sync.js';
import type { StoreLayout } from '../../store/layout.js';
import { newToken } from '../../store/maker-token.js';

/**
 * Puts a private key into `keys/`, readable by the owner alone, and durable before any spec names it. Named by its
 * content, so that doing it twice does nothing twice.
 * @returns the key's name for a spec
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR
 */
export async function keepKey(layout: StoreLayout, key: string | Buffer): Promise<string> {
  const name = `multipass-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
  const target = layout.key(name);
  if (lstatSync(target, { throwIfNoEntry: false }) === undefined) {
    const draft = layout.staged(newToken());
    await replaceFile(target, key, { draft, doing: 'keep the ssh key' });
  } else await syncPath(layout.keys);
  return name;
}
