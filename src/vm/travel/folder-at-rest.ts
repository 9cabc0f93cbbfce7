import { existsSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import { InstanceDir } from '../../store/instance-dir.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import type { Work } from '../../work.js';
import {
  isToBeRenewed,
  readInstanceFolder,
  SUSPEND_TAG,
  type InstanceReading,
} from '../read-instance.js';
import { artifactInvalid } from './artifact-error.js';

/**
 * Reads an instance's folder outside of the store, and holds its lock, shared, until `use` is done: it may be at work
 * in another store.
 * @throws MultipassError INSTANCE_NOT_STOPPED where somebody works on it; ARTIFACT_INVALID for one that was copied
 *   suspended, with memory, or in the middle of an operation; what makes it Broken; what `use` throws
 */
export async function withFolderAtRest<T>(
  path: string,
  { signal }: Work,
  use: (reading: InstanceReading) => Promise<T>,
): Promise<T> {
  const dir = new InstanceDir(path);
  const hasLock = existsSync(dir.lock);
  const lock = hasLock
    ? await takeKernelLock(dir.lock, { mode: 'shared', wait: false, signal })
    : undefined;
  if (hasLock && lock === undefined) throw isAtWork(path);
  try {
    const reading = readInstanceFolder(dir);
    requireRest(path, reading);
    return await use(reading);
  } finally {
    await lock?.close();
  }
}

function requireRest(path: string, { dir, disk, state, pending }: InstanceReading): void {
  if (state === 'Running') throw isAtWork(path);
  if (pending !== undefined) {
    throw artifactInvalid(
      path,
      `it was copied in the middle of an operation (${pending.step.operation})`,
      'Copy it again once that is done; or put it into the folder `instances` of a store, where it is finished.',
    );
  }
  if (hasSnapshotNamed(disk, SUSPEND_TAG) || isToBeRenewed(dir)) {
    throw artifactInvalid(
      path,
      'it was copied while it was suspended, and its memory belongs to its machine',
      'Start and stop the instance that it is a copy of, and copy that again.',
    );
  }
  if (disk.snapshots.some(({ vmStateSize }) => vmStateSize > 0)) {
    throw artifactInvalid(
      path,
      'it has snapshots with memory, which belongs to its machine',
      'Delete those of the instance that it is a copy of, and copy that again; or export it.',
    );
  }
}

function isAtWork(path: string): MultipassError {
  return new MultipassError('INSTANCE_NOT_STOPPED', `"${path}" is in use: somebody works on it`, {
    hint: 'Stop it where it runs, then try again.',
    details: { path },
  });
}
