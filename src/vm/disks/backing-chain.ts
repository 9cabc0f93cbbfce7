import { lstatSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { readQcow2, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import { BASE_FILE, type InstanceDir } from '../../store/instance-dir.js';

/** One base of a head. */
export interface Layer {
  readonly name: string;
  readonly facts: Qcow2Facts;
}

/**
 * The bases that a head stands on, nearest first. Each must be an immutable `base-*` file of the instance's own folder,
 * named without a directory: what a disk's header says never leads anywhere else.
 * @throws MultipassError DISK_INVALID for any other backing file, for a missing one, and for a circle
 */
export function layersBelow(dir: InstanceDir, head: Qcow2Facts): Layer[] {
  const layers: Layer[] = [];
  for (let backing = head.backingFile; backing !== null;) {
    const name = backing;
    if (!BASE_FILE.test(name) || layers.some((layer) => layer.name === name)) {
      throw strangeBacking(dir, name);
    }
    const path = dir.file(name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw strangeBacking(dir, name);
    }
    const facts = readQcow2(path);
    layers.push({ name, facts });
    backing = facts.backingFile;
  }
  return layers;
}

/** The same by file name. @throws MultipassError DISK_INVALID */
export function backingChain(dir: InstanceDir, head: Qcow2Facts): string[] {
  return layersBelow(dir, head).map(({ name }) => name);
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
