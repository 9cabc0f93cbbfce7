import type { StoreLayout } from '../../store/layout.js';
import { Work } from '../../work.js';
import { requireGuest } from '../guest/open-guest.js';
import { activateMounts, deactivateMounts } from '../mounts/activate-mounts.js';
import type { InstanceReading } from '../read-instance.js';

/**
 * Takes the mounts of a running instance off until it is disposed of: its memory cannot be saved with a native one, and
 * a classic one would have no other end when that is restored. When we are killed meanwhile they are off until the next
 * `start`.
 * @throws MultipassError MOUNT_FAILED when the guest uses a native one; SSH_FAILED, …, ABORTED
 */
export async function withoutMounts(
  layout: StoreLayout,
  reading: InstanceReading,
  work: Work,
): Promise<AsyncDisposable> {
  if (reading.spec.mounts.length === 0) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const guest = await requireGuest(layout, reading);
  await deactivateMounts({ guest, reading, work });
  return {
    [Symbol.asyncDispose]: async () => {
      // What cannot be mounted again is told; nobody is to be stopped in the middle of it.
      const again = Work.of({ onWarning: (text) => work.warn(text) });
      await activateMounts({ guest, reading, work: again }).catch(() => undefined);
    },
  };
}
