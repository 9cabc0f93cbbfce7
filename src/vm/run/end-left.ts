import { existsSync } from 'node:fs';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { keepRecords } from '../live/keep-records.js';
import { settleRunning } from '../live/settle-running.js';
import { lockMounts } from '../lock-instance.js';
import { openMonitor } from './monitor.js';

/**
 * Ends what a killed command had begun with the disk of a running instance; where nothing is on record, it asks
 * nobody. The caller holds neither the lock of its mounts nor a connection to its QEMU: who changes its mounts may want
 * the one while he has the other.
 * @throws MultipassError INSTANCE_NOT_RUNNING, QMP_FAILED, DISK_FULL, IO_ERROR, ABORTED
 */
export async function endLeft(dir: InstanceDir, work: Work): Promise<void> {
  if (!existsSync(dir.pending)) return;
  {
    await using client = await openMonitor(dir, work.signal);
    await settleRunning(dir, client);
  }
  if (!existsSync(dir.pending)) return;
  const lock = await lockMounts(dir, work);
  try {
    await keepRecords(dir);
  } finally {
    await lock.release();
  }
}
