import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Machine } from './machine.js';

/** What decides whether a guest can go on with a processor that is the host's own. */
const TELLING = /^(?:vendor_id|cpu family|model|flags)\t*: .*/gm;

/** What tells the processor of a machine from others; null where it is QEMU's own, the same everywhere. */
export function processorOf({ accelerator }: Pick<Machine, 'accelerator'>): string | null {
  if (accelerator === 'tcg') return null;
  const [first = ''] = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n');
  const lines = first.match(TELLING) ?? [];
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32);
}
