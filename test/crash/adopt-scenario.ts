import { readdir, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { readMetaData } from '../../src/net/meta-data.js';
import { run } from '../../src/process/run.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { inodeOf, rowText } from '../../src/store/mac-table.js';
import { recoverInstance } from '../../src/vm/delete-instance.js';
import { rowsOfFolder } from '../../src/vm/macs.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { readSeed } from '../../src/vm/seed/seed.js';
import { readSnapshots } from '../../src/vm/read-snapshots.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

/** A store with a copy of an instance that was made by hand. */
export async function adoptTemplate(): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    const web = await makeInstance(layout, 'web', { data: 1, tags: 1 });
    const { interfaces } = readInstance(layout, 'web').spec;
    await writeSnapshot(web, snapshotRecord(1, { interfaces }));
    await run('cp', ['-a', web.path, layout.instance('copy').path]);
  });
}

/** The rows name the folder that is the instance: each copy of the template has other inodes. */
async function nameOriginal(layout: StoreLayout): Promise<void> {
  const dir = layout.instance('web');
  const { uuid, rows } = (await rowsOfFolder(dir))!;
  const text = rowText({ uuid, inode: inodeOf(dir.path) });
  for (const row of rows) await writeFile(layout.macRow(row), text);
}

const COPY = 'store/instances/copy';
const COMMIT = `rename ${COPY}/pending.json.* ${COPY}/pending.json`;

/** The calls that matter, in their order. */
export const ADOPT_STEPS: readonly string[] = [
  COMMIT,
  `fsync ${COPY}`,
  `unlink ${COPY}/pending.json`,
];

/** `adopt copy`. */
export function adoptScenario(template: string): ReturnType<typeof storeScenario> {
  const scenario = storeScenario({
    template,
    args: () => ['adopt', 'copy'],
    before: ['bystander Stopped', 'copy Broken', 'web Stopped'],
    after: ['bystander Stopped', 'copy Stopped', 'web Stopped'],
    untouched: ['store/instances/bystander', 'store/instances/web'],
    commit: { call: COMMIT },
    leaksRows: true,
    says: 'warning: the machine-id in it is that of the original: a clone gets a new one\n',
    check: async ({ layout }, isAfter) => {
      const [web, copy] = [readInstance(layout, 'web'), readInstance(layout, 'copy')];
      expect(copy.spec.uuid === web.spec.uuid).toBe(!isAfter);
      if (!isAfter) return;
      const claimed = await readdir(layout.macs);
      // Whoever opens it next finishes what was begun.
      await recoverInstance(layout, 'copy');
      const { dir, spec, pending } = readInstance(layout, 'copy');
      expect(pending).toBeUndefined();
      const rows = (await rowsOfFolder(dir))!.rows;
      expect(rows).toHaveLength(1);
      expect(claimed).toEqual(expect.arrayContaining(rows));
      // Those of the bystander, of the original, and its own.
      expect(await readdir(layout.macs)).toHaveLength(3);
      const mac = spec.interfaces[0].mac.toString();
      expect(mac).not.toBe(web.spec.interfaces[0].mac.toString());
      expect(readSnapshots(dir, undefined)[0]!.interfaces[0]!.mac.toString()).toBe(mac);
      const files = readSeed(dir.seed)!.map(({ name, data }) => [name, data.toString()] as const);
      const seed = new Map(files);
      expect(readMetaData(seed.get('meta-data')!).instanceId).toBe(spec.uuid);
      expect(seed.get('network-config')).toContain(mac);
    },
  });
  return {
    ...scenario,
    prepare: async () => {
      const context = await scenario.prepare();
      await nameOriginal(context.layout);
      return context;
    },
  };
}
