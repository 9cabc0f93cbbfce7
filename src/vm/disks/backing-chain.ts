import { lstatSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { readQcow2, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import { BASE_FILE, type InstanceDir } from '../../store/instance-dir.js';

/**
 * The bases that a head stands on, nearest first, by file name. Each must be an immutable `base-*` file of the
 * instance's own folder, named without a directory: what a disk's header says never leads anywhere else.
 * @throws MultipassError DISK_INVALID for any other backing file, for a missing one, and for a circle
 */
export function backingChain(dir: InstanceDir, head: Qcow2Facts): string[] {
  const chain: string[] = [];
  for (let backing = head.backingFile; backing !== null;) {
    if (!BASE_FILE.test(backing) || chain.includes(backing)) throw strangeBacking(dir, backing);
    const path = dir.file(backing);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw strangeBacking(dir, backing);
    }
    chain.push(backing);
    backing = readQcow2(path).backingFile;
  }
  return chain;
}

function strangeBacking(dir: InstanceDir, backing: string): MultipassError {
  return new MultipassError(
    'DISK_INVALID',
    `"${dir.disk}" stands on ${JSON.stringify(backing)}, which is no base file of its folder`,
    {
      hint: 'Flatten the disk with `qemu-img rebase -b "" …` where its backing file can be found.',
      details: { path: dir.disk, backing },
    },
  );
}
