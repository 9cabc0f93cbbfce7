import { readdir } from 'node:fs/promises';
import { LEFT_OVER_RECORD, removeLeftOvers } from '../files/record.js';
import { log } from '../log.js';
import { takeKernelLock } from './kernel-lock.js';
import type { StoreLayout } from './layout.js';

/**
 * Removes what killed writers left beside the records of the store as a whole: `settings.json`, `aliases.json` and
 * `registries.json`. Never waits: where somebody writes just now, that is for the next sweep. A failure is logged and
 * left to the next time.
 */
export async function sweepDrafts(layout: StoreLayout): Promise<void> {
  const files = await readdir(layout.root).catch((): string[] => []);
  for (const [name, lock] of [
    ['settings.json', layout.settingsLock],
    ['aliases.json', layout.aliasesLock],
    ['registries.json', layout.registriesLock],
  ] as const) {
    const isDraft = (file: string): boolean =>
      LEFT_OVER_RECORD.test(file) && file.startsWith(`${name}.`);
    if (!files.some(isDraft)) continue;
    try {
      const held = await takeKernelLock(lock, { mode: 'exclusive', wait: false });
      if (held === undefined) continue;
      await removeLeftOvers(layout.root, (record) => record === name);
      await held.close();
    } catch (error) {
      log('warning', 'sweep', `cannot look after ${name}: ${(error as Error).message}`);
    }
  }
}
