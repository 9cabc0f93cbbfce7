import { fromSystemError, NotDurableError } from '../errors.js';
import { syncPath } from '../files/sync.js';
import { moveIfFree, nameTaken } from '../store/make-visible.js';
import { Work } from '../work.js';
import { requireNameIsFree } from './free-name.js';
import type { InstanceRequest } from './instance-request.js';
import { AT_REST, openInstance } from './open.js';

/** Which instance gets another name. */
export interface RenameRequest extends InstanceRequest {
  readonly newName: string;
}

/**
 * Gives a stopped or suspended instance another name: one rename of its folder, since nothing in it holds the name.
 * Snapshots, mounts and identity stay; the hostname in the guest follows at the next start.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, INVALID_NAME, NAME_TAKEN,
 *   NAME_IN_PREPARATION, NOT_DURABLE, …; what makes it Broken
 */
export async function renameInstance(request: RenameRequest): Promise<void> {
  const { layout, name, newName } = request;
  await using opened = await openInstance(layout, name, {
    for: 'rename',
    states: AT_REST,
    disk: 'any',
    copy: 'allowed',
    work: Work.of(request.work),
    early: () => requireNameIsFree(layout, newName),
  });
  opened.assertHeld();
  try {
    if (!(await moveIfFree(layout, opened.reading.dir.path, newName))) throw nameTaken(newName);
  } catch (error) {
    throw fromSystemError(error, `rename "${name}" to "${newName}"`);
  }
  try {
    await syncPath(layout.instances);
  } catch (error) {
    throw new NotDurableError(`"${name}" is called "${newName}" now`, 'instance', error);
  }
}
