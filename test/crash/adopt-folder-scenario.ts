import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

/** A store, and beside it a copy of one of its instances that was made by hand. */
export async function adoptFolderTemplate(): Promise<string> {
  return await makeTemplate(async (layout, folder) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    const web = await makeInstance(layout, 'web', { data: 1, tags: 1, thin: true });
    const { interfaces } = readInstance(layout, 'web').spec;
    await writeSnapshot(web, snapshotRecord(1, { interfaces }));
    await run('cp', ['-a', web.path, join(folder, 'backup')]);
  });
}

/** `adopt ./backup --name copy`. */
export function adoptFolderScenario(template: string): ReturnType<typeof storeScenario> {
  return storeScenario({
    template,
    args: ({ folder }) => ['adopt', join(folder, 'backup'), '--name', 'copy', '--quiet'],
    untouched: [`store/instances/${BYSTANDER}`, 'store/instances/web', 'backup'],
    before: [`${BYSTANDER} Stopped`, 'web Stopped'],
    after: [`${BYSTANDER} Stopped`, 'copy Stopped', 'web Stopped'],
    commit: { call: 'rename store/staging/* store/instances/copy' },
    says: 'warning: its seed has no ssh key that could be replaced: its guest may not let anybody in\n',
    check: async ({ layout }, isAfter) => {
      if (!isAfter) return;
      const [web, copy] = [readInstance(layout, 'web'), readInstance(layout, 'copy')];
      expect(copy.spec.uuid).not.toBe(web.spec.uuid);
      await run('qemu-img', ['compare', '-q', web.dir.disk, copy.dir.disk]);
    },
  });
}
