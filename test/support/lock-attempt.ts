import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/**
 * Resolves once a process has tried in vain to take a lock: it had the file open, and closed it again. What happens
 * from here on happens while it waits.
 * @param attempt rejects when this comes to its end, which who waits does not
 */
export async function lockIsTried(
  lock: string,
  { attempt, pid = 'self' }: { attempt: Promise<unknown>; pid?: number | 'self' },
): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  attempt.then(end, end);
  const path = realpathSync(lock);
  for (const wanted of [true, false]) {
    do {
      await setTimeout(1);
      if (over.signal.aborted) throw new Error('nobody waited for the lock');
    } while (opens(pid, path) !== wanted);
  }
}

function opens(pid: number | 'self', path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((descriptor) => {
    try {
      return readlinkSync(join(folder, descriptor)) === path;
    } catch {
      return false;
    }
  });
}
