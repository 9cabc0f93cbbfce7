import { rm } from 'node:fs/promises';
import { syncPath } from '../../files/sync.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { isToBeRenewed } from '../read-instance.js';

/**
 * Removes what an instance has of another's memory: its record first, for what is without one is garbage. Does nothing
 * where there is none. The caller holds its lock. May be killed anywhere, and repeated.
 */
export async function dropMemory(dir: InstanceDir): Promise<void> {
  if (isToBeRenewed(dir)) {
    await rm(dir.memory, { force: true });
    await syncPath(dir.path);
  }
  for (const file of [dir.ram, dir.devices]) await rm(file, { force: true });
}
