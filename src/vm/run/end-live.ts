import { StoreLayout } from '../../store/layout.js';
import { Work } from '../../work.js';
import { endLeftJobs } from '../live/live-jobs.js';
import { lockLive } from '../lock-instance.js';
import { isRunning, isToBeRenewed } from '../read-instance.js';
import { endLeft } from './end-left.js';
import { endUnrenewed } from './end-unrenewed.js';
import { openMonitor } from './monitor.js';

/** What a guard of the library runs: this very file. */
const CALL_US =
  'import(process.argv[1]).then((us) => us.endLive(process.argv[2], process.argv[3]))';

let program: readonly string[] | undefined;

/** Says by which words {@link endLive} is run, where this is part of a bundle. */
export function endLiveBy(words: readonly string[]): void {
  program = words;
}

/** The words that run {@link endLive}, which the store's root and the name follow: by default with Node. */
export function endLiveProgram(): readonly string[] {
  return program ?? [process.execPath, '-e', CALL_US, import.meta.url];
}

/**
 * Ends what a killed command had begun with the disk of a running instance: what its guard does. Nothing to do where
 * it does not run: whoever opens it the next time settles it.
 * @param root of the store
 * @throws MultipassError QMP_FAILED, IO_ERROR, …
 */
export async function endLive(root: string, name: string): Promise<void> {
  const layout = new StoreLayout(root);
  const dir = layout.instance(name);
  if (!isRunning(dir)) return;
  if (isToBeRenewed(dir)) {
    await endUnrenewed(layout, name, Work.of());
    return;
  }
  await endLeft(dir, Work.of());
  // Another one may be at it by now, and its jobs are not ours to end.
  const lock = await lockLive(dir, Work.of());
  try {
    await using client = await openMonitor(dir);
    await endLeftJobs(client);
  } finally {
    await lock.release();
  }
}
