import { rm } from 'node:fs/promises';
import { MultipassError } from '../../errors.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import { log } from '../../log.js';
import type { InstanceDir } from '../../store/instance-dir.js';

const MINUTE_MS = 60_000;

/**
 * Notes for `list` that the guest will shut itself down. Where that cannot be noted, it merely counts as running.
 * @param minutes from now; null: it will not
 */
export async function noteStopAt(dir: InstanceDir, minutes: number | null): Promise<void> {
  try {
    if (minutes === null) {
      await rm(dir.stopAt, { force: true });
    } else {
      const at = new Date(Date.now() + minutes * MINUTE_MS).toISOString();
      await replaceRecord(dir.stopAt, { at });
    }
  } catch (error) {
    log('warning', 'run', `nobody sees when "${dir.name}" is to stop: ${String(error)}`);
  }
}

/**
 * Whether the guest of a running instance is to shut itself down later. Once the time has come it is not any more: it
 * shuts down, or has been rebooted from inside, and knows nothing of it.
 */
export function isToStop(dir: InstanceDir): boolean {
  try {
    const place = readRecordIfAny(dir.stopAt);
    return place !== undefined && Date.parse(place.key('at').string()) > Date.now();
  } catch (error) {
    if (error instanceof MultipassError) return false;
    throw error;
  }
}
