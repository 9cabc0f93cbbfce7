import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import type { Work } from '../../work.js';
import { lockMounts } from '../lock-instance.js';
import { readInstance, type InstanceReading } from '../read-instance.js';
import type { Forward } from '../records/forward.js';
import { PortClaims } from './port-claims.js';
import { wayInto } from './way-into.js';

/** Whose forwards are made. */
export interface ApplyForwardsRequest {
  readonly layout: StoreLayout;
  /** As it was seen last; it runs. */
  readonly reading: InstanceReading;
  readonly work: Work;
}

/**
 * Makes the forwards of an instance that has just been started or resumed, or whose way out was made anew; those that
 * there are stay. What cannot be made is told as a warning, and the instance goes on without it.
 * @throws MultipassError ABORTED
 */
export async function applyForwards({
  layout,
  reading,
  work,
}: ApplyForwardsRequest): Promise<void> {
  const { name, dir } = reading;
  if (reading.spec.forwards.length === 0) return;
  try {
    const way = wayInto(layout, reading, work.signal);
    const there = await way.active(reading.spec.forwards);
    if (there.length === reading.spec.forwards.length) return;
    const hold = await lockMounts(dir, work);
    try {
      // Another command may have taken one off meanwhile.
      const { spec } = readInstance(layout, name);
      const own = await claimed(layout, { name, ...spec }, work);
      for (const { error } of await way.apply(own)) work.warn(told(name, error));
    } finally {
      await hold.release();
    }
  } catch (error) {
    work.throwIfAborted();
    if (!(error instanceof MultipassError)) throw error;
    work.warn(told(name, error));
  }
}

/**
 * The same for all instances that run: to be called when the way out of their network was made anew.
 * @throws MultipassError ABORTED
 */
export async function applyAllForwards(layout: StoreLayout, work: Work): Promise<void> {
  for (const name of instanceEntryNames(layout)) {
    const reading = readIfAny(layout, name);
    if (reading?.state === 'Running') await applyForwards({ layout, reading, work });
  }
}

/**
 * Ends the forwards of an instance that has ended; where it was on QEMU's own network they have ended with it. What
 * goes wrong is logged: nobody comes by them to anything.
 */
export async function endForwards(layout: StoreLayout, name: string): Promise<void> {
  const reading = readIfAny(layout, name);
  if (reading === undefined || reading.spec.forwards.length === 0) return;
  try {
    await wayInto(layout, reading).remove(reading.spec.forwards);
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('warning', 'network', `a port may still lead to "${name}": ${error.message}`);
  }
}

function readIfAny(layout: StoreLayout, name: string): InstanceReading | undefined {
  try {
    return readInstance(layout, name);
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

/** Those whose ports are the instance's own: a folder that came with an archive has no rows yet. */
async function claimed(
  layout: StoreLayout,
  instance: { readonly name: string; readonly uuid: string; readonly forwards: readonly Forward[] },
  work: Work,
): Promise<Forward[]> {
  await using claims = await PortClaims.ofExisting(layout, instance.uuid);
  const own: Forward[] = [];
  for (const forward of instance.forwards) {
    try {
      await claims.claim(forward);
      own.push(forward);
    } catch (error) {
      if (!(error instanceof MultipassError)) throw error;
      work.warn(told(instance.name, error));
    }
  }
  return own;
}

function told(name: string, { message }: MultipassError): string {
  return `"${name}" is without a forward: ${message}`;
}
