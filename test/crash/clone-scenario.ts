import { run } from '../../src/process/run.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario, type StoreContext } from './store-scenario.js';

const NAMES = [BYSTANDER, 'plain', 'tagged'];

/** A store with a thin instance and one with internal snapshots. */
export async function cloneTemplate(): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await makeInstance(layout, 'plain', { data: 1, thin: true });
    const tagged = await makeInstance(layout, 'tagged', { data: 1, tags: 2 });
    const { interfaces } = readInstance(layout, 'tagged').spec;
    for (const index of [1, 2]) await writeSnapshot(tagged, snapshotRecord(index, { interfaces }));
  });
}

/** `clone SOURCE --name copy`, from `plain` (its disk is copied) or `tagged` (it is converted). */
export function cloneScenario(
  template: string,
  source: 'plain' | 'tagged',
): ReturnType<typeof storeScenario> {
  return storeScenario({
    template,
    args: () => ['clone', source, '--name', 'copy'],
    untouched: NAMES.map((name) => `store/instances/${name}`),
    before: ['bystander Stopped', 'plain Stopped', 'tagged Stopped'],
    after: ['bystander Stopped', 'copy Stopped', 'plain Stopped', 'tagged Stopped'],
    commit: { call: 'rename store/staging/* store/instances/copy' },
    check: async (context, isAfter) => {
      if (isAfter) await checkCopy(context, source);
    },
  });
}

async function checkCopy({ layout }: StoreContext, source: string): Promise<void> {
  const { disk } = layout.instance('copy');
  await run('qemu-img', ['check', '-q', disk]);
  await run('qemu-img', ['compare', '-q', layout.instance(source).disk, disk]);
}
