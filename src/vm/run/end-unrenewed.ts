import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { lockLive } from '../lock-instance.js';
import { isRunning, isToBeRenewed } from '../read-instance.js';
import { cutPower } from './cut-power.js';
import { tidyAfterRun, waitForEnd } from './end-of-run.js';

/**
 * Waits until a guest that goes on from another's memory has been given an identity of its own; where whoever was at
 * that has been killed, it ends it: nobody is to meet it as it is, and its memory is there for the next start.
 * @returns whether it was ended
 * @throws MultipassError ABORTED
 */
export async function endUnrenewed(
  layout: StoreLayout,
  name: string,
  work: Work,
): Promise<boolean> {
  const dir = layout.instance(name);
  const lock = await lockLive(dir, work);
  try {
    if (!isToBeRenewed(dir)) return false;
    if (isRunning(dir)) await cutPower(dir, work);
    await waitForEnd(dir, work.signal);
  } finally {
    await lock.release();
  }
  await tidyAfterRun(layout, name, false);
  return true;
}
