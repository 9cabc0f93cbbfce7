import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { log } from '../../log.js';
import { BASE_FILE } from '../../store/instance-dir.js';
import { syncPath } from '../../store/sync.js';
import type { InstanceReading } from '../read-instance.js';
import { backingChain } from './backing-chain.js';

const IMMUTABLE = 0o444;

/**
 * Puts the bases of an instance in order after a command that was killed in the middle of giving it another head: what
 * the head does not stand on is removed, and what it stands on is made immutable. The caller holds the exclusive lock.
 * @throws MultipassError DISK_INVALID, IO_ERROR, …
 */
export async function tidyBases({ dir, disk }: InstanceReading): Promise<void> {
  const files = (await readdir(dir.path)).filter((file) => BASE_FILE.test(file));
  if (files.length === 0) return;
  const chain = new Set(backingChain(dir, disk));
  let isChanged = false;
  for (const file of files) {
    const path = dir.file(file);
    if (!chain.has(file)) {
      log('info', 'disks', `removing ${file}, which "${dir.name}" does not stand on`);
      await rm(path, { force: true });
      isChanged = true;
    } else if (((await lstat(path)).mode & 0o222) !== 0) {
      await chmod(path, IMMUTABLE);
      isChanged = true;
    }
  }
  if (isChanged) await syncPath(dir.path);
}
