import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { MultipassError } from '../../errors.js';
import { formatMemorySize } from '../../memory-size.js';

/**
 * Makes sure that the host has the memory that several guests may come to, before any of them is made. One alone is not
 * looked at: whether it fits shows when it is started.
 * @param bytes of each
 * @throws MultipassError MEMORY_SHORT
 */
export function requireHostMemory(count: number, bytes: number): void {
  const available = availableMemory();
  const wanted = count * bytes;
  if (available === undefined || wanted <= available) return;
  throw new MultipassError(
    'MEMORY_SHORT',
    `${count} instances of ${formatMemorySize(bytes)} may come to ${formatMemorySize(wanted)} of memory, and this ` +
      `host has ${formatMemorySize(available)} left`,
    {
      hint: 'Start fewer at once, stop others, or give them less (`--memory`).',
      details: { wanted, available },
    },
  );
}

/** How many guests are started side by side: each keeps a processor busy while it boots. */
export function startsAtOnce(): number {
  return availableParallelism();
}

/** What can be had without others having to give any back, and what can be swapped out; undefined: nobody says. */
function availableMemory(): number | undefined {
  try {
    const text = readFileSync('/proc/meminfo', 'utf8');
    const bytes = (key: string): number =>
      Number(new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN) * 1024;
    const sum = bytes('MemAvailable') + bytes('SwapFree');
    return Number.isNaN(sum) ? undefined : sum;
  } catch {
    return undefined;
  }
}
