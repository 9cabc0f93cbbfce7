import { type MultipassError, hasCode } from '../../errors.js';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceDeleted, instanceNotFound } from '../errors.js';
import { readInstance, type InstanceReading } from '../read-instance.js';
import { openForChange, type OpenedInstance, type WorkOptions } from '../open.js';
import { prepareStore } from '../sweep.js';

/** Which instance has to be stopped, and for what. */
export interface StoppedRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly instance: string;
  /** The command, for those who wait for its lock. */
  readonly doing: string;
  /** The error for an instance in another state. */
  readonly refusal: (instance: string, state: string) => MultipassError;
}

/**
 * Looks at an instance, without its lock, and makes sure that it is stopped.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, STORE_TOO_NEW, the refusal; what makes it Broken
 */
export function requireStopped({
  layout,
  instance,
  refusal,
}: Pick<StoppedRequest, 'layout' | 'instance' | 'refusal'>): InstanceReading {
  if (!checkStoreFormat(layout)) throw instanceNotFound(instance);
  const reading = readInstance(layout, instance);
  if (reading.state === 'Deleted') throw instanceDeleted(instance);
  if (reading.state !== 'Stopped') throw refusal(instance, reading.state);
  return reading;
}

/**
 * Opens a stopped instance under its exclusive lock, with nothing pending. The caller releases the lock.
 * @throws MultipassError as {@link requireStopped}; ABORTED, DISK_FULL, …
 */
export async function openStopped(request: StoppedRequest): Promise<OpenedInstance> {
  const { layout, instance, doing, refusal } = request;
  requireStopped(request);
  await prepareStore(layout);
  const opened = await openForChange(layout, instance, doing, request).catch((error: unknown) => {
    const isRunning = hasCode(error, 'INSTANCE_NOT_STOPPED');
    throw isRunning ? refusal(instance, 'Running') : error;
  });
  try {
    requireStopped(request);
    return opened;
  } catch (error) {
    await opened.lock.release();
    throw error;
  }
}

/** What to do about an instance that is in the way. */
export function hintToStop(name: string, state: string): string {
  if (state !== 'Suspended') return `"${name}" is ${state.toLowerCase()}: stop it first.`;
  return `"${name}" is suspended: start it and stop it, or drop its saved memory with \`multipass stop --force ${name}\`.`;
}
