import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

/** A store with a thin instance. */
export async function exportTemplate(): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await makeInstance(layout, 'web', { data: 1, thin: true });
  });
}

const SHOWN = [`${BYSTANDER} Stopped`, 'web Stopped'];

/** `export web web.tar`: the archive is whole, or not there. */
export function exportScenario(template: string): ReturnType<typeof storeScenario> {
  return storeScenario({
    template,
    args: ({ folder }) => ['export', 'web', join(folder, 'web.tar'), '--compress=none', '--quiet'],
    untouched: [`store/instances/${BYSTANDER}`, 'store/instances/web'],
    before: SHOWN,
    after: SHOWN,
    check: async ({ folder }) => {
      const archive = join(folder, 'web.tar');
      if (!existsSync(archive)) return;
      const { stdout } = await run('tar', ['-tf', archive]);
      expect(stdout).toContain('index.json');
      expect((await readdir(folder)).length).toBeLessThan(5);
    },
  });
}
