import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import { replaceRecord } from '../../files/record.js';
import { instanceDeleted } from '../errors.js';
import { isRunning, readInstance, type InstanceReading } from '../read-instance.js';
import type { Mount } from '../records/mount.js';
import { openForChange, type WorkOptions } from '../open.js';
import { prepareStore } from '../sweep.js';

/** Whose mounts are changed, and by which command. */
export interface MountWork extends WorkOptions {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly doing: string;
}

/**
 * Works on the mounts of an instance while nobody else changes them, or its spec. A running instance's lock is its
 * QEMU's, so there its mounts have one of their own; who takes the instance's lock after the QEMU's end waits for it.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, ABORTED; what makes it Broken; what the work throws
 */
export async function withMounts<T>(
  request: MountWork,
  work: (reading: InstanceReading) => Promise<T>,
): Promise<T> {
  const { layout, name, doing } = request;
  await prepareStore(layout);
  for (;;) {
    const { state } = readInstance(layout, name);
    if (state === 'Deleted') throw instanceDeleted(name);
    if (state === 'Running') {
      const done = await whileRunning(request, work);
      if (done !== undefined) return done.result;
    } else {
      try {
        const { reading, lock } = await openForChange(layout, name, doing, request);
        await using held = lock;
        held.assertHeld();
        if (reading.state === 'Deleted') throw instanceDeleted(name);
        return await work(reading);
      } catch (error) {
        // It was started meanwhile.
        if (!hasCode(error, 'INSTANCE_NOT_STOPPED')) throw error;
        if (!isRunning(layout.instance(name))) throw error;
      }
    }
  }
}

/** @returns undefined when it does not run any more */
async function whileRunning<T>(
  { layout, name, signal }: MountWork,
  work: (reading: InstanceReading) => Promise<T>,
): Promise<{ result: T } | undefined> {
  const dir = layout.instance(name);
  if (!existsSync(dir.run)) await mkdir(dir.run, { recursive: true, mode: 0o700 });
  const lock = await takeKernelLock(dir.mountsLock, { mode: 'exclusive', wait: true, signal });
  try {
    const reading = readInstance(layout, name);
    return reading.state === 'Running' ? { result: await work(reading) } : undefined;
  } finally {
    await lock?.close();
  }
}

/** Writes down which mounts an instance has; atomic and durable. Only within {@link withMounts}. */
export async function recordMounts(
  { dir, spec }: InstanceReading,
  mounts: readonly Mount[],
): Promise<void> {
  await replaceRecord(dir.spec, { ...spec, mounts });
}
