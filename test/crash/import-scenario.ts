import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/process/run.js';
import { purgeInstance } from '../../src/vm/delete-instance.js';
import { exportInstance } from '../../src/vm/travel/export-instance.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

/** A store, and beside it an archive of an instance that it has no more. */
export async function importTemplate(): Promise<string> {
  return await makeTemplate(async (layout, folder) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await makeInstance(layout, 'web', { data: 0, thin: true });
    await mkdir(join(folder, 'archives'));
    const target = join(folder, 'archives', 'web.tar');
    await exportInstance({ layout, name: 'web', target, compression: 'gzip', keepIdentity: true });
    await purgeInstance(layout, 'web');
  });
}

/** `import web.tar --keep-identity`. */
export function importScenario(template: string): ReturnType<typeof storeScenario> {
  return storeScenario({
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
}
