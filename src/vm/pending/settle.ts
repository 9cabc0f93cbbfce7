import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { removeLeftOvers } from '../../files/record.js';
import { syncPath } from '../../files/sync.js';
import { checkAndRepairLeaks } from '../../qemu/qemu-img.js';
import { INSTANCE_FILES, type InstanceDir } from '../../store/instance-dir.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { requireOwnDisk } from '../disks/own-disk.js';
import { removeLiveLinks } from '../live/live-names.js';
import { dropMemory } from '../disks/drop-memory.js';
import { tidyBases } from '../disks/stray-bases.js';
import { isToBeRenewed, readInstance, type InstanceReading } from '../read-instance.js';
import { bridgedCards } from '../records/machine-record.js';
import { finishPending } from './finish-pending.js';
import { stillPending } from './still-pending.js';

const { spec, imageRecord, pending: pendingFile } = INSTANCE_FILES;
const RECORDS = new Set<string>([spec, imageRecord, pendingFile]);

/**
 * Puts in order what a killed command or a killed QEMU left of an instance: an operation in place is finished, leaked
 * clusters are repaired, its bases are tidied, half-written records go, and so does the bridge that it was the last one
 * on. May itself be killed anywhere. The caller holds the instance's exclusive lock.
 * @returns how it reads now
 * @throws MultipassError TOOL_FAILED, DISK_FULL, ABORTED, …; what makes it Broken
 */
export async function settle(
  layout: StoreLayout,
  name: string,
  { signal }: Work,
): Promise<InstanceReading> {
  await letOthersFinish(layout.instance(name), signal);
  let reading = readInstance(layout, name, { remember: true });
  const { dir, pending, uncleanEnd } = reading;
  if (pending !== undefined) {
    if (pending.step.operation !== 'rewrite') requireOwnDisk(reading);
    try {
      await finishPending(dir, pending, signal);
    } catch (error) {
      throw stillPending(error, { name, operation: pending.step.operation });
    }
  }
  if (uncleanEnd) await repair(layout, reading, signal);
  if (pending !== undefined || uncleanEnd) reading = readInstance(layout, name, { remember: true });
  await tidyBases(reading);
  if (!isToBeRenewed(dir)) await dropMemory(dir);
  await removeDrafts(dir);
  return reading;
}

/** Whoever else writes records of an instance holds its lock, or one that has been waited for. */
async function removeDrafts(dir: InstanceDir): Promise<void> {
  await removeLeftOvers(dir.path, (record) => RECORDS.has(record));
  await removeLeftOvers(dir.snapshots, () => true);
}

/**
 * Who changes the mounts of a running instance, or clones it, may still be at it when that has ended: and is about to
 * write its spec, or to end what it has begun.
 */
async function letOthersFinish(dir: InstanceDir, signal: AbortSignal | undefined): Promise<void> {
  for (const lock of [dir.mountsLock, dir.liveLock]) {
    if (lstatSync(lock, { throwIfNoEntry: false }) === undefined) continue;
    const held = await takeKernelLock(lock, { mode: 'exclusive', wait: true, signal });
    await rm(lock, { force: true });
    await held?.close();
  }
  await removeLiveLinks(dir);
}

/** A disk that leads to other files is left as it is: whoever needs it is told. */
async function repair(
  layout: StoreLayout,
  { dir, disk }: InstanceReading,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (disk.externalData || disk.encrypted) return;
  await checkAndRepairLeaks(dir.disk, { signal });
  await syncPath(dir.disk);
  // Nobody has looked after the bridge since.
  const cards = bridgedCards(dir);
  if (cards.length > 0) {
    const { networkDownIfIdle } = await import('../network/leave-network.js');
    await networkDownIfIdle(layout, cards);
  }
  await rm(dir.qemuPid, { force: true });
}
