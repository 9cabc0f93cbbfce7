import { lstat, readdir } from 'node:fs/promises';
import { MultipassError } from '../errors.js';
import type { StoreLayout } from '../store/layout.js';
import { nameTaken } from '../store/make-visible.js';
import { isBeingPrepared } from '../store/staging.js';
import { requireDestinationName } from './names.js';

/**
 * The polite check at the beginning that an instance may be called `name`; publishing is what decides.
 * @throws MultipassError INVALID_NAME, NAME_TAKEN, NAME_IN_PREPARATION with Multipass's texts
 */
export async function requireNameIsFree(layout: StoreLayout, name: string): Promise<void> {
  requireDestinationName(name);
  if (await isTaken(layout.instance(name).path)) throw nameTaken(name);
  if (await isBeingPrepared(layout, name)) {
    throw new MultipassError('NAME_IN_PREPARATION', `instance "${name}" is being prepared`, {
      hint: 'Another command is making it: wait for that, or choose another name.',
      details: { name },
    });
  }
}

/** Anything at all is in the way, except an empty folder, which a rename replaces. */
async function isTaken(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isDirectory() !== true) return stats !== undefined;
  return (await readdir(path)).length > 0;
}
