import { MultipassError } from '../../errors.js';
import { isHeldByQemu } from '../../qemu/qemu-img.js';
import { requireOwnDisk, unfit } from '../disks/own-disk.js';
import type { InstanceReading } from '../read-instance.js';

/**
 * Makes sure that qemu-img can change a disk, before that is written down: from then on there is no way back.
 * @throws MultipassError DISK_INVALID for a disk that qemu-img refuses, DISK_IN_USE, TOOL_MISSING, ABORTED
 */
export async function requireChangeableDisk(
  reading: InstanceReading,
  signal?: AbortSignal,
): Promise<void> {
  requireOwnDisk(reading);
  const { dir } = reading;
  if (!(await isHeldByQemu(dir.disk, { signal }))) return;
  throw new MultipassError('DISK_IN_USE', `another process uses the disk "${dir.disk}"`, {
    hint: 'Stop the virtual machine or the program that has it open, then try again.',
    details: { path: dir.disk },
  });
}

/**
 * Makes sure that a disk can get another size: qemu-img refuses that for old images that hold snapshots.
 * @throws MultipassError DISK_INVALID
 */
export function requireResizableDisk({ dir, disk }: InstanceReading): void {
  if (disk.version !== 2 || disk.snapshots.length === 0) return;
  throw unfit(
    dir.disk,
    'is an image of version 2 with snapshots, which cannot be resized',
    'Make it one of version 3 with `qemu-img amend -o compat=1.1`.',
  );
}
