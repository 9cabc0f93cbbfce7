import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { exportInstance } from '../../src/vm/travel/export-instance.js';
import { purgeInstance } from '../../src/vm/delete-instance.js';
import { run } from '../../src/process/run.js';
import { makeInstance } from '../support/store-fixture.js';
import { forEachCrashPoint } from './crash-points.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';
import { expectStruck, publishing } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await makeTemplate(async (layout, folder) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await makeInstance(layout, 'web', { data: 0, thin: true });
    await mkdir(join(folder, 'archives'));
    const target = join(folder, 'archives', 'web.tar');
    await exportInstance({ layout, name: 'web', target, compression: 'gzip', keepIdentity: true });
    await purgeInstance(layout, 'web');
  });
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

describe('an import that is killed at any step', () => {
  it('leaves the store as before or as after', async () => {
    const scenario = storeScenario({
      template,
      args: ({ folder }) => [
        'import',
        join(folder, 'archives', 'web.tar'),
        '--keep-identity',
        '--quiet',
      ],
      untouched: [`store/instances/${BYSTANDER}`, 'archives'],
      before: [`${BYSTANDER} Stopped`],
      after: [`${BYSTANDER} Stopped`, 'web Stopped'],
      commit: { call: 'rename store/staging/* store/instances/web' },
      says: 'warning: no ssh key came with it: nobody can enter it without one\n',
      check: async ({ layout }, isAfter) => {
        if (isAfter) await run('qemu-img', ['check', '-q', layout.instance('web').disk]);
      },
    });
    const figures = await forEachCrashPoint(scenario);
    expectStruck(figures, publishing('web'));
  }, 900_000);
});
