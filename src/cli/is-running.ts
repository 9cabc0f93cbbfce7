import type { StoreLayout } from '../store/layout.js';

/** Whether an instance runs; false as well when there is none, for then starting it tells that best. */
export async function isInstanceRunning(layout: StoreLayout, name: string): Promise<boolean> {
  const { exists, isRunning } = await import('../vm/read-instance.js');
  return exists(layout, name) && isRunning(layout.instance(name));
}
