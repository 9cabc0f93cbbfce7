import { join } from 'node:path';
import { buildLegacyData } from '../../fixtures/legacy/build.js';
import { LEGACY_INSTANCES } from '../../fixtures/legacy/instances.js';
import { run } from '../../src/process/run.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

/** The disk of the legacy instance, relative to the template. */
const LEGACY_FOLDER = 'legacy/data/vault/instances';

/** A store, and beside it the data of an old Multipass with one instance that has a snapshot. */
export async function migrateTemplate(): Promise<string> {
  return await makeTemplate(async (layout, folder) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await buildLegacyData(join(folder, 'legacy'), { instances: [LEGACY_INSTANCES.db] });
  });
}

/** `migrate`: with `copy` the legacy data is untouched, with `move` its disk is in one place at least. */
export function migrateScenario(
  template: string,
  mode: 'copy' | 'move',
): ReturnType<typeof storeScenario> {
  return storeScenario({
    template,
    args: ({ folder }) => ['migrate', '--from', join(folder, 'legacy'), `--${mode}`],
    untouched: ['store/instances/bystander', ...(mode === 'copy' ? ['legacy'] : [])],
    before: ['bystander Stopped'],
    after: ['bystander Stopped', 'db Stopped'],
    // The old data go when the same migration is made again: it is about them, too.
    mayLeave: mode === 'move' ? ['disk-has-other-names'] : [],
    commit: { call: 'rename store/staging/* store/instances/db' },
    check: async ({ folder, layout }, isAfter) => {
      const legacy = join(folder, LEGACY_FOLDER, 'db', LEGACY_INSTANCES.db.image.file);
      const disk = isAfter ? layout.instance('db').disk : legacy;
      const original = join(template, LEGACY_FOLDER, 'db', LEGACY_INSTANCES.db.image.file);
      await run('qemu-img', ['check', '-q', disk]);
      await run('qemu-img', ['compare', '-q', disk, original]);
    },
  });
}
