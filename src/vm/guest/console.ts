import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { errnoOf } from '../../errors.js';
import type { InstanceDir } from '../../store/instance-dir.js';

const TAIL_BYTES = 8 * 1024;
const TAIL_LINES = 15;

/**
 * A guest may write to its console for ever. QEMU appends to the log, so it may be emptied under it: whoever meets a
 * log of this size does.
 */
const LARGEST_LOG = 16 * 1024 * 1024;

/** The end of what the guest has written to its console; '' when it has been silent, or there is no log. */
export function consoleTail(dir: InstanceDir): string {
  try {
    const fd = openSync(dir.consoleLog, 'r');
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
      const length = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
      const lines = buffer.toString('utf8', 0, length).replaceAll('\r', '').split('\n');
      return lines
        .filter((line) => line.trim() !== '')
        .slice(-TAIL_LINES)
        .join('\n');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** Empties a console log that has grown beyond all use. */
export async function boundConsole(dir: InstanceDir): Promise<void> {
  try {
    const fd = openSync(dir.consoleLog, 'r');
    const { size } = fstatSync(fd);
    closeSync(fd);
    if (size > LARGEST_LOG) await truncate(dir.consoleLog);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
