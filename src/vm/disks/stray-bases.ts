import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import { BASE_FILE } from '../../store/instance-dir.js';
import { syncPath } from '../../files/sync.js';
import type { InstanceReading } from '../read-instance.js';
import { backingChain } from './backing-chain.js';

const IMMUTABLE = 0o444;

/**
 * Puts the bases of an instance in order after a command that was killed in the middle of giving it another head: what
 * the head does not stand on is removed, and what it stands on is made immutable. The caller holds the exclusive lock.
 * Where the head's chain is broken, nothing is touched: that is for those to tell who need it.
 */
export async function tidyBases({ dir, disk }: InstanceReading): Promise<void> {
  const files = (await readdir(dir.path)).filter((file) => BASE_FILE.test(file));
  if (files.length === 0) return;
  const chain = chainOf(dir, disk);
  if (chain === undefined) return;
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

/** Undefined when it cannot be followed: then nobody knows what is garbage, and nothing is touched. */
function chainOf(
  dir: InstanceReading['dir'],
  disk: InstanceReading['disk'],
): ReadonlySet<string> | undefined {
  try {
    return new Set(backingChain(dir, disk));
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('warning', 'disks', `the bases of "${dir.name}" stay as they are: ${error.message}`);
    return undefined;
  }
}
