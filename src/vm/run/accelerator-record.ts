import { readFileSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import type { StoreLayout } from '../../store/layout.js';

/** What was found out of the host's hardware in this boot of the host. */
export interface HardwareFindings {
  /** Whether it runs guests; undefined: not tried yet. */
  readonly works?: boolean | undefined;
  /** Whether the user was told what guests that do without it are like. */
  readonly told?: boolean | undefined;
}

/** Nothing is known after a boot of the host, nor by a file that cannot be read. */
export function readFindings(layout: StoreLayout): HardwareFindings {
  try {
    const place = readRecordIfAny(layout.acceleratorFile);
    const boot = bootId();
    if (place === undefined || boot === '' || place.key('boot').string() !== boot) return {};
    const [works, told] = [place.key('works'), place.key('told')];
    return {
      works: works.isAbsent() ? undefined : works.boolean(),
      told: told.isAbsent() ? undefined : told.boolean(),
    };
  } catch (error) {
    if (error instanceof MultipassError) return {};
    throw error;
  }
}

/** Notes more of it for the rest of this boot. @throws MultipassError DISK_FULL, STORE_READ_ONLY, … */
export async function noteFindings(layout: StoreLayout, more: HardwareFindings): Promise<void> {
  await replaceRecord(layout.acceleratorFile, {
    boot: bootId(),
    ...readFindings(layout),
    ...more,
  });
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
