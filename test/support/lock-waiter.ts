import { readFile, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/**
 * Resolves once the kernel has somebody wait for the lock on a file (flock(2)), which /proc/locks shows as a line with
 * `->` (proc_locks(5)).
 * @param attempt rejects when this comes to its end, which who waits does not
 */
export async function lockIsAwaited(path: string, attempt: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  attempt.then(end, end);
  const { ino } = await stat(path);
  const waiter = new RegExp(`^\\d+: -> FLOCK .*:${ino} 0 EOF$`, 'm');
  while (!waiter.test(await readFile('/proc/locks', 'utf8'))) {
    await setTimeout(1);
    if (over.signal.aborted) throw new Error(`nobody waited for the lock ${path}`);
  }
}
