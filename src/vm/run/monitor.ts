import { activeHead } from '../../qemu/active-head.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import { runJob } from '../../qemu/qmp-jobs.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { settleRunning } from '../live/settle-running.js';
import { SUSPEND_TAG } from '../read-instance.js';

export { openMonitor } from '../open-monitor.js';

/** States of a guest that stands still because a command was killed before its end. */
export const INTERRUPTED: ReadonlySet<string> = new Set(['prelaunch', 'paused']);

/**
 * Listens for QEMU's farewell, by which a clean end is told from a crash.
 * @returns whether it has been heard so far
 */
export function listenForFarewell(client: QmpClient): () => boolean {
  let heard = false;
  client.onEvent(({ event }) => {
    if (event === 'SHUTDOWN') heard = true;
  });
  return () => heard;
}

/**
 * Lets a guest run on that stands still: because a `suspend` or a live clone was interrupted, or because there was no
 * space left. Saved memory goes first, for the guest is about to outlive it; and what was begun with its disk is ended.
 * @throws MultipassError QMP_FAILED, IO_ERROR, …
 */
export async function letRun(dir: InstanceDir, client: QmpClient): Promise<void> {
  await settleRunning(dir, client);
  const { tags } = await activeHead(client);
  if (tags.includes(SUSPEND_TAG)) await dropSavedState(client);
  await client.execute('cont');
}

/** Deletes the saved memory of a machine that does not run. */
export async function dropSavedState(client: QmpClient): Promise<void> {
  const { node } = await activeHead(client);
  await runJob(client, 'snapshot-delete', { tag: SUSPEND_TAG, devices: [node] });
}
