import { rename } from 'node:fs/promises';
import { fromSystemError, MultipassError, NotDurableError } from '../errors.js';
import { isOccupied } from '../files/draft.js';
import { syncPath } from '../files/sync.js';
import type { StoreLayout } from './layout.js';

/**
 * The rename that makes a staged folder visible, which the kernel refuses where anything is. Nothing is synced.
 * @param staged path of the folder, in staging or under another name
 * @returns false when there is something of that name
 * @throws MultipassError IO_ERROR, …
 */
export async function moveIfFree(
  layout: StoreLayout,
  staged: string,
  name: string,
): Promise<boolean> {
  const target = layout.instance(name).path;
  try {
    await rename(staged, target);
    return true;
  } catch (error) {
    if (isOccupied(error)) return false;
    throw fromSystemError(error, `publish "${name}"`, target);
  }
}

/**
 * Makes it durable that instances are visible.
 * @throws MultipassError NOT_DURABLE: they are, but a power cut may take them away again
 */
export async function confirmVisible(layout: StoreLayout, names: readonly string[]): Promise<void> {
  try {
    await syncPath(layout.instances);
    await syncPath(layout.staging);
  } catch (error) {
    const what =
      names.length === 1
        ? `instance "${names[0] ?? ''}" is`
        : `the instances ${names.join(', ')} are`;
    throw new NotDurableError(`${what} there`, 'instance', error);
  }
}

export function nameTaken(name: string): MultipassError {
  return new MultipassError('NAME_TAKEN', `instance "${name}" already exists`, {
    hint: 'Choose another name; a deleted instance keeps its name until `multipass purge`.',
    details: { name },
  });
}

/** True for the failure after which an instance is visible all the same: what is visible is not ours to remove. */
export function isVisible(error: unknown): boolean {
  return error instanceof NotDurableError;
}
