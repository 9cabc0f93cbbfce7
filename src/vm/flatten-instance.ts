import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError, MultipassError } from '../errors.js';
import type { StoreLayout } from '../store/layout.js';
import { newToken } from '../store/maker-token.js';
import { syncPath } from '../files/sync.js';
import { backingChain } from './disks/backing-chain.js';
import { linkOrCopy } from './disks/copy-file.js';
import { copyAllStates, spaceForAllStates } from './disks/copy-states.js';
import { requireSpace } from './disks/free-space.js';
import { tidyBases } from './disks/stray-bases.js';
import { instanceDeleted } from './errors.js';
import { readInstance, type InstanceReading } from './read-instance.js';
import { openForChange, type WorkOptions } from './open.js';
import { prepareStore } from './sweep.js';

/** Which instance is made independent. */
export interface FlattenRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly name: string;
  /** Called with 0 to 1 as it goes. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * Makes a stopped instance stand on nothing but its own disk: what its bases hold is copied into a new head, snapshots
 * and all, and the bases are given up. The new head is made in staging and renamed over the old one.
 * @returns false when it stood on nothing before
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, INSTANCE_SUSPENDED, DISK_FULL before the work, ABORTED,
 *   TOOL_FAILED, …
 */
export async function flattenInstance(request: FlattenRequest): Promise<boolean> {
  const { layout, name, signal } = request;
  await prepareStore(layout);
  const { reading, lock } = await openForChange(layout, name, 'flatten', request);
  await using held = lock;
  requireFlattenable(reading);
  const { dir, disk } = reading;
  const bases = backingChain(dir, disk);
  if (bases.length === 0) return false;
  const folder = layout.staged(newToken());
  try {
    await mkdir(folder, { mode: 0o700 });
    const head = join(folder, 'disk.qcow2');
    await requireSpace(head, await spaceForAllStates(dir.disk, disk, { signal }));
    for (const base of bases) await linkOrCopy(dir.file(base), join(folder, base), { signal });
    await copyAllStates({
      ...{ source: dir.disk, facts: disk, target: head },
      ...{ signal, onProgress: request.onProgress },
    });
    await chmod(head, 0o600);
    await syncPath(head);
    await syncPath(folder);
    held.assertHeld();
    await rename(head, dir.disk);
    await syncPath(dir.path);
  } catch (error) {
    throw fromSystemError(error, `flatten "${name}"`, dir.disk);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  await tidyBases(readInstance(layout, name));
  return true;
}

function requireFlattenable({ name, state }: InstanceReading): void {
  if (state === 'Deleted') throw instanceDeleted(name);
  if (state !== 'Suspended') return;
  throw new MultipassError('INSTANCE_SUSPENDED', `cannot flatten "${name}" while it is suspended`, {
    hint: 'Its saved memory cannot be copied: start and stop it first.',
    details: { name },
  });
}
