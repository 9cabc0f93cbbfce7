import { rename } from 'node:fs/promises';
import { errnoOf, fromSystemError } from '../errors.js';
import type { StoreLayout } from '../store/layout.js';
import { nameTaken, notDurable } from '../store/staging.js';
import { syncPath } from '../files/sync.js';
import { requireNameIsFree } from './clone/publish-clone.js';
import { instanceDeleted } from './errors.js';
import { openForChange, type WorkOptions } from './open.js';
import { prepareStore } from './sweep.js';

/** Which instance gets another name. */
export interface RenameRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly newName: string;
}

/** `rename` onto a folder that has something in it, a file, or a link. */
const NAME_IS_TAKEN = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR']);

/**
 * Gives a stopped or suspended instance another name: one rename of its folder, since nothing in it holds the name.
 * Snapshots, mounts and identity stay; the hostname in the guest follows at the next start.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, INVALID_NAME, NAME_TAKEN,
 *   NAME_IN_PREPARATION, NOT_DURABLE, …; what makes it Broken
 */
export async function renameInstance(request: RenameRequest): Promise<void> {
  const { layout, name, newName } = request;
  await prepareStore(layout);
  await requireNameIsFree(layout, newName);
  const { reading, lock } = await openForChange(layout, name, 'rename', request);
  await using held = lock;
  if (reading.state === 'Deleted') throw instanceDeleted(name);
  held.assertHeld();
  const target = layout.instance(newName).path;
  try {
    await rename(reading.dir.path, target);
  } catch (error) {
    if (NAME_IS_TAKEN.has(errnoOf(error) ?? '')) throw nameTaken(newName);
    throw fromSystemError(error, `rename "${name}" to "${newName}"`, target);
  }
  try {
    await syncPath(layout.instances);
  } catch (error) {
    throw notDurable(`"${name}" is called "${newName}" now`, error);
  }
}
