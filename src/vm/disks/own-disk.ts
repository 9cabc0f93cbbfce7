import { lstatSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import type { Qcow2Facts } from '../../qemu/qcow2-header.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { InstanceReading } from '../read-instance.js';
import { layersBelow } from './backing-chain.js';

/**
 * Makes sure that the disk of an instance is one that can be worked with: whole by itself but for the bases in its own
 * folder, each of which is so, too. No program is run, and nothing that the disk names is opened. Whoever opens an
 * instance for its disk comes by here, and so does what QEMU is started with.
 * @throws MultipassError DISK_INVALID for a disk or a base that is corrupt, encrypted, needs unknown features, or keeps
 *   its data in another file, and for a base that is missing or no base
 */
export function requireOwnDisk({ dir, disk }: InstanceReading): void {
  requireWhole(dir.disk, disk);
  for (const { name, facts } of layersBelow(dir, disk)) requireWhole(dir.file(name), facts);
}

/**
 * Makes sure that a head that is about to be changed has one name only: by another one somebody has it as well, as with
 * a copy of the folder that was made by hard links, which would change with it. The caller holds the exclusive lock,
 * and has removed what a killed command left.
 * @throws MultipassError DISK_INVALID
 */
export function requireOnlyName(dir: InstanceDir): void {
  if (lstatSync(dir.disk).nlink === 1) return;
  throw unfit(
    dir.disk,
    'is a file with several names (hard links), which would all be changed',
    `Give it a file of its own, in its folder: \`cp --sparse=always disk.qcow2 new && mv new disk.qcow2\`; ` +
      'after `migrate --move` that was ended, run that again.',
  );
}

function requireWhole(path: string, facts: Qcow2Facts): void {
  if (facts.corrupt) {
    throw unfit(path, 'is marked as corrupt', 'Try `qemu-img check -r all` on a copy of it.');
  }
  if (facts.externalData || facts.encrypted) {
    const what = facts.encrypted ? 'is encrypted' : 'keeps its data in another file';
    throw unfit(path, what, 'Convert it with `qemu-img convert -O qcow2` first.');
  }
}

/** A disk that cannot be used as it is. */
export function unfit(path: string, what: string, hint: string): MultipassError {
  return new MultipassError('DISK_INVALID', `"${path}" ${what}`, { hint, details: { path } });
}
