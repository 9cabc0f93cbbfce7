import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { errnoOf, MultipassError } from '../errors.js';
import { checkAndRepairLeaks } from '../qemu/qemu-img.js';
import { tidyBases } from './disks/stray-bases.js';
import type { InstanceDir } from '../store/instance-dir.js';
import { takeKernelLock } from '../store/kernel-lock.js';
import { isPlainName, type StoreLayout } from '../store/layout.js';
import { InstanceLock } from '../store/lock.js';
import { syncPath } from '../files/sync.js';
import { instanceIsRunning, instanceNotFound } from './errors.js';
import { isValidName } from './names.js';
import { finishPending } from './pending/finish-pending.js';
import { isRunning, readInstance, requireFolder, type InstanceReading } from './read-instance.js';
import { bridgedMacs } from './records/machine-record.js';

/** How a command that changes something waits and is interrupted. */
export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when a lock has been waited for longer than 2 s, with who holds it. */
  readonly onWait?: ((instance: string, holders: string) => void) | undefined;
}

/** An instance under its exclusive lock, with nothing pending. */
export interface OpenedInstance {
  readonly reading: InstanceReading;
  readonly lock: InstanceLock;
}

/**
 * Takes an instance's exclusive lock for `doing` (the command), then finishes what a killed command left pending, puts
 * its bases in order, and repairs what a killed QEMU left; the bridge that it was the last one on goes.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED when it is running, ABORTED; what makes it Broken
 */
export async function openForChange(
  layout: StoreLayout,
  name: string,
  doing: string,
  options: WorkOptions = {},
): Promise<OpenedInstance> {
  // What can be no instance shall not get a lock file from us.
  if (!isValidName(name)) throw instanceNotFound(name);
  const lock = await lockExclusively(layout, name, doing, options);
  try {
    await letMountsFinish(layout.instance(name), options.signal);
    let reading = readInstance(layout, name);
    if (reading.pending !== undefined || reading.uncleanEnd) {
      await settle(layout, reading, options.signal);
      reading = readInstance(layout, name);
    }
    await tidyBases(reading);
    return { reading, lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * Takes the exclusive lock alone, for instances that may be Broken.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, ABORTED; INSTANCE_BROKEN for a link
 */
export async function lockExclusively(
  layout: StoreLayout,
  name: string,
  doing: string,
  options: WorkOptions = {},
): Promise<InstanceLock> {
  if (!isPlainName(name)) throw instanceNotFound(name);
  const dir = layout.instance(name);
  const refuseIfRunning = (): void => {
    if (isRunning(dir)) throw instanceIsRunning(name, doing);
  };
  requireFolder(dir);
  refuseIfRunning();
  try {
    return await InstanceLock.take(layout, name, {
      mode: 'exclusive',
      purpose: doing,
      signal: options.signal,
      onWait: (holders) => options.onWait?.(name, holders),
      whileWaiting: refuseIfRunning,
    });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && !(error instanceof MultipassError)) {
      throw instanceNotFound(name);
    }
    throw error;
  }
}

/** Who changes the mounts of a running instance may still be at it when that has ended, and is about to write its spec. */
async function letMountsFinish(dir: InstanceDir, signal: AbortSignal | undefined): Promise<void> {
  if (lstatSync(dir.mountsLock, { throwIfNoEntry: false }) === undefined) return;
  const held = await takeKernelLock(dir.mountsLock, { mode: 'exclusive', wait: true, signal });
  await rm(dir.mountsLock, { force: true });
  await held?.close();
}

async function settle(
  layout: StoreLayout,
  reading: InstanceReading,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { dir, pending, uncleanEnd } = reading;
  if (pending !== undefined) await finishPending(dir, pending, signal);
  if (!uncleanEnd) return;
  await checkAndRepairLeaks(dir.disk, { signal });
  await syncPath(dir.disk);
  // Nobody has looked after the bridge since.
  if (bridgedMacs(dir).length > 0) {
    const { bridgeDownIfIdle } = await import('./network/instance-bridge.js');
    await bridgeDownIfIdle(layout);
  }
  await rm(dir.qemuPid, { force: true });
}
