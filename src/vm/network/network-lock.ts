import { makeFolder } from '../../files/make-folder.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import type { StoreLayout } from '../../store/layout.js';

/**
 * Does work on the networks of a store, of the host's or its own: one process of all at a time.
 * @throws MultipassError ABORTED, TOOL_MISSING; what the work throws
 */
export async function aloneOnNetwork<T>(
  layout: StoreLayout,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await makeFolder(layout.network);
  const lock = await takeKernelLock(layout.networkLock, { mode: 'exclusive', wait: true, signal });
  try {
    return await work();
  } finally {
    await lock?.close();
  }
}
