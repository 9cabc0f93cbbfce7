import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { readQcow2 } from '../../qemu/qcow2-header.js';
import { BASE_FILE } from '../../store/instance-dir.js';
import { backingChain, layersBelow } from '../disks/backing-chain.js';
import { listImages } from '../images/vault.js';
import { readInstance, type InstanceReading } from '../read-instance.js';
import { MultipassError } from '../../errors.js';
import type { Examination } from './examination.js';
import { entriesOf } from './folder-entries.js';
import { setMode, whileLocked } from './mends.js';

const IMMUTABLE = 0o444;
const WRITABLE = 0o222;

/** Bases that could be, or have been, written to, and those that nothing stands on. */
export async function checkBases(examination: Examination): Promise<void> {
  const seen = new Set<bigint>();
  for (const { dir } of await listImages(examination.layout)) {
    checkMode(examination, seen, dir.disk);
  }
  for (const { name, reading } of examination.instances) {
    const chain = reading && chainOf(reading);
    // Where it cannot be followed nobody knows what is stray; that is for the check of the disks to tell.
    if (reading === undefined || chain === undefined) continue;
    const { dir } = reading;
    for (const base of chain) {
      checkMode(examination, seen, dir.file(base), name);
      checkContent(examination, reading, base);
    }
    const isStill = reading.pending === undefined && reading.state !== 'Running';
    if (!isStill || examination.isBusy(name)) continue;
    for (const file of entriesOf(dir.path)) {
      if (!BASE_FILE.test(file) || chain.has(file)) continue;
      examination.note('base-stray', {
        instance: name,
        path: dir.file(file),
        message: `nothing in "${dir.path}" stands on "${file}"`,
        hint: 'Have it put aside by `multipass doctor --fix`; the next change of the instance removes it.',
        mend: putAside(name, file),
      });
    }
  }
}

/** The disks below a head, by file name; undefined when they cannot be followed. */
function chainOf({ dir, disk }: InstanceReading): Set<string> | undefined {
  try {
    return new Set(backingChain(dir, disk));
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

/** What looked stray a moment ago may be what a head stands on by now. */
function putAside(name: string, file: string) {
  return whileLocked(name, async ({ layout, lost }) => {
    const reading = readInstance(layout, name);
    if (chainOf(reading)?.has(file) === false) await lost.moveAside(join(reading.dir.path, file));
  });
}

function checkMode(
  examination: Examination,
  seen: Set<bigint>,
  path: string,
  instance?: string,
): void {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || (Number(stats.mode) & WRITABLE) === 0 || seen.has(stats.ino)) return;
  seen.add(stats.ino);
  examination.note('base-writable', {
    instance,
    path,
    message: `"${path}" can be written to, and disks stand on it`,
    hint: `Make it immutable: chmod 0444 '${path}'`,
    mend: setMode(path, IMMUTABLE),
  });
}

/**
 * A base is never written to once a head stands on it. One that was there before the head was made, and was written
 * after that, is not what it was; a copy, of which both are made anew, does not look like that.
 */
function checkContent(
  examination: Examination,
  { name, dir, disk }: InstanceReading,
  base: string,
) {
  const path = dir.file(base);
  const nearest = layersBelow(dir, disk)[0]?.name === base;
  const [below, head] = [path, dir.disk].map((file) => lstatSync(file, { bigint: true }));
  if (below === undefined || head === undefined) return;
  const isWritten =
    nearest && below.birthtimeNs < head.birthtimeNs && below.mtimeNs > head.birthtimeNs;
  const hasSnapshots = readQcow2(path).snapshots.length > 0;
  if (!isWritten && !hasSnapshots) return;
  examination.note('base-changed', {
    instance: name,
    path,
    message: hasSnapshots
      ? `"${path}" holds snapshots, which a base never does: something has written to it`
      : `"${path}" was written to after "${dir.disk}" was made on it`,
    hint: 'Look into the instance, or put back a copy of both files; whatever stands on that base may be damaged.',
  });
}
