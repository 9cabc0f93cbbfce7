import { lstatSync, readdirSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.js';
import { log } from '../log.js';
import type { StoreLayout } from './layout.js';
import { holderOfNote } from './lock-holders.js';

const VISIBLE_LOCK = /^(.+)\.lock$/;

/** The instance that a folder in `locks/` is the visible lock of; undefined for what is none. */
export function instanceOfVisibleLock(file: string): string | undefined {
  return VISIBLE_LOCK.exec(file)?.[1];
}

/**
 * Removes the visible locks of instances that there are not: who was killed after it renamed or purged one leaves its
 * lock behind, and nobody will ever take that one again. One whose holder has a note is in use; to be called when the
 * notes of the dead are gone. Only who holds the kernel's lock may remove one of an instance that there is: that is for
 * the next one who takes it. A failure is logged and left to the next time.
 */
export async function sweepVisibleLocks(layout: StoreLayout): Promise<void> {
  const files = filesIn(layout.locks);
  const held = new Set(files.map((file) => holderOfNote(file)?.instance));
  for (const file of files) {
    const name = instanceOfVisibleLock(file);
    if (name === undefined || held.has(name) || isThere(layout, name)) continue;
    await rmdir(join(layout.locks, file)).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return;
      log('warning', 'sweep', `cannot remove ${file}: ${(error as Error).message}`);
    });
  }
}

function isThere(layout: StoreLayout, name: string): boolean {
  return lstatSync(layout.instance(name).path, { throwIfNoEntry: false }) !== undefined;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
