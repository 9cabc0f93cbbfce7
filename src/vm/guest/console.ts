import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../errors.js';
import type { InstanceDir } from '../../store/instance-dir.js';

const TAIL_BYTES = 8 * 1024;
const TAIL_LINES = 15;

/** The end of what the guest has written to its console; '' when it has been silent, or there is no log. */
export function consoleTail(dir: InstanceDir): string {
  const newer = endOf(dir.consoleLog, TAIL_BYTES);
  const older = endOf(dir.olderConsoleLog, TAIL_BYTES - newer.length);
  const text = Buffer.concat([older, newer]).toString('utf8');
  const lines = text.replaceAll('\r', '').split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .slice(-TAIL_LINES)
    .join('\n');
}

function endOf(path: string, most: number): Buffer {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, most));
      const length = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
      return buffer.subarray(0, length);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
