import { errnoOf } from '../../errors.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { runningQemu } from '../read-instance.js';
import { waitForEnd } from './end-of-run.js';
import { listenForFarewell, openMonitor } from './monitor.js';

/** How long QEMU may take to end itself before it is killed. */
const QUIT_MS = 10_000;

/**
 * QEMU writes out what it holds of the disk before it ends; one that does not answer is killed.
 * @returns whether it has said farewell
 */
export async function cutPower(dir: InstanceDir, { signal }: Work): Promise<boolean> {
  const limit = AbortSignal.timeout(QUIT_MS);
  try {
    await using client = await openMonitor(dir, limit);
    const hasSaidFarewell = listenForFarewell(client);
    await client.execute('quit').catch(() => undefined);
    await waitForEnd(dir, limit);
    return hasSaidFarewell();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    kill(dir);
    return false;
  }
}

function kill(dir: InstanceDir): void {
  const pid = runningQemu(dir);
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}
