import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { buildLegacyData, type LegacyFixture } from '../../../fixtures/legacy/build.js';
import { LEGACY_INSTANCES } from '../../../fixtures/legacy/instances.js';
import { run } from '../../../src/process/run.js';
import { migrate } from '../../../src/vm/migrate/migrate.js';
import { test } from '../../support/store-fixture.js';
import { contentOf, contentsOf, tagsOf, writeData } from '../../support/disk-content.js';

let folder: string;
let legacy: LegacyFixture;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
  legacy = await buildLegacyData(join(folder, 'legacy'), { instances: [LEGACY_INSTANCES.db] });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the snapshots of a migrated instance live beside new ones', async ({ store }) => {
  await migrate({
    layout: store.layout,
    from: legacy.paths.root,
    names: [],
    mode: 'copy',
    dryRun: false,
    host: { env: {}, home: folder },
  });
  const vm = await store.get('db');
  const dir = store.layout.instance('db');
  const [old, { snapshotHead }] = [vm.snapshots(), vm.spec];
  expect(old.length).toBeGreaterThan(0);
  const states = await contentsOf(dir);
  const active = await contentOf(dir);
  await writeData(dir, 7);
  const record = await vm.snapshot({ name: 'ours' });
  expect(record.index).toBe(Math.max(...old.map((one) => one.record.index)) + 1);
  expect(record.parent).toBe(snapshotHead);
  const ours = await contentOf(dir);
  expect(ours).not.toBe(active);
  for (const { record: one } of old) {
    await vm.restore(one.name);
    expect(await contentOf(dir)).toBe(states[`@s${one.index}`]);
    expect((await store.get('db')).spec.interfaces).toEqual(one.interfaces);
  }
  await vm.restore('ours');
  expect(await contentOf(dir)).toBe(ours);
  for (const { record: one } of old) await vm.deleteSnapshot(one.name);
  expect(tagsOf(dir)).toEqual([`@s${record.index}`]);
  expect(await contentsOf(dir)).toEqual({ [`@s${record.index}`]: ours });
  expect((await store.get('db')).snapshots()).toMatchObject([{ parent: null, children: [] }]);
  await run('qemu-img', ['check', '-q', dir.disk]);
});
