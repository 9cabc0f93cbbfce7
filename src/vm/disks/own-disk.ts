import { MultipassError } from '../../errors.js';
import type { InstanceReading } from '../read-instance.js';
import { backingChain } from './backing-chain.js';

/**
 * Makes sure that the disk of an instance is one that can be worked with: whole by itself but for the bases in its own
 * folder. No program is run, and nothing that the disk names is opened.
 * @throws MultipassError DISK_INVALID for a disk that is corrupt, encrypted, or keeps its data in another file, and
 *   for a base that is missing or no base
 */
export function requireOwnDisk({ dir, disk }: InstanceReading): void {
  if (disk.corrupt) {
    throw unfit(dir.disk, 'is marked as corrupt', 'Try `qemu-img check -r all` on a copy of it.');
  }
  if (disk.externalData || disk.encrypted) {
    const what = disk.encrypted ? 'is encrypted' : 'keeps its data in another file';
    throw unfit(dir.disk, what, 'Convert it with `qemu-img convert -O qcow2` first.');
  }
  backingChain(dir, disk);
}

/** A disk that cannot be used as it is. */
export function unfit(path: string, what: string, hint: string): MultipassError {
  return new MultipassError('DISK_INVALID', `"${path}" ${what}`, { hint, details: { path } });
}
