import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { hasOwnData } from '../../qemu/qcow2-header.js';
import { createOverlay } from '../../qemu/create-overlay.js';
import { moveDurably } from '../../files/draft.js';
import { syncPath, syncTree } from '../../files/sync.js';
import { linkOrCopy } from '../disks/copy-file.js';
import type { InstanceReading } from '../read-instance.js';
import type { OpenedInstance } from '../open.js';
import type { Work } from '../../work.js';
import { withStagedFolder } from '../../store/staged-folder.js';

/**
 * Whether a head can be the common ground of linked clones as it is: it has a base and has written nothing on it. One
 * with internal snapshots never is: a base never holds any.
 */
export function isFrozen({ dir, disk }: InstanceReading): boolean {
  return disk.backingFile !== null && disk.snapshots.length === 0 && !hasOwnData(dir.disk);
}

/**
 * Makes what a stopped instance has written until now an immutable base of its own, and puts an empty head on it. The
 * new head is made in staging and renamed over the old one, which has a second name by then: killed anywhere, the
 * instance shows its guest the same bytes as before. The caller holds its exclusive lock; it has no internal snapshots.
 * @throws MultipassError DISK_FULL, TOOL_FAILED, ABORTED, …
 */
export async function freeze(opened: OpenedInstance, { signal }: Work): Promise<void> {
  const { layout, reading } = opened;
  const { dir, disk } = reading;
  const id = randomBytes(16).toString('hex');
  const base = dir.base(id);
  const what = { doing: `freeze the disk of "${dir.name}"`, path: dir.disk };
  await withStagedFolder(layout, what, async (folder) => {
    const head = join(folder, 'disk.qcow2');
    const backing = { file: `base-${id}.qcow2`, format: 'qcow2' };
    await createOverlay({ path: head, backing, size: disk.virtualSize });
    await syncTree(folder);
    opened.assertHeld();
    await linkOrCopy(dir.disk, base, { signal });
    await syncPath(base);
    await syncPath(dir.path);
    await moveDurably(head, dir.disk);
    // Only now: until the rename it was the very file that is written to.
    await chmod(base, 0o444);
    await syncPath(base);
  });
}
