import { chmod } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { examineAndMend } from '../../../src/vm/doctor/doctor.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { defineAlias } from '../../../src/vm/change-aliases.js';
import { Work } from '../../../src/work.js';
import { makeInstance } from '../../support/store-fixture.js';
import { test as imageTest } from '../../support/image-fixture.js';
import { test as migrateTest } from '../migrate/legacy-copy.js';

/** What is found, in short. */
async function findings(layout: StoreLayout): Promise<string[]> {
  const { found } = await examineAndMend(layout, Work.of(), { fix: false });
  return found.map(({ finding: { kind, path } }) => `${kind} ${path ?? ''}`);
}

describe('doctor, of a store that nobody has damaged', () => {
  imageTest('has nothing to say of clones, linked or not', async ({ store, layout }) => {
    const web = await makeInstance(layout, 'web', { thin: true });
    await chmod(web.base('image'), 0o444);
    const vm = await store.get('web');
    await vm.clone('copy');
    const linked = await vm.clone('linked', { linked: true });
    await linked.clone('further', { linked: true });
    expect(await findings(layout)).toEqual([]);
    await (await store.get('further')).flatten();
    await (await store.get('linked')).rename('renamed');
    const command = { command: 'ls', workingDirectory: 'default' } as const;
    await defineAlias({ layout, name: 'list', instance: 'renamed', ...command });
    expect(await findings(layout)).toEqual([]);
  });

  imageTest('has nothing to say of snapshots that come and go', async ({ store, layout }) => {
    await makeInstance(layout, 'web');
    const vm = await store.get('web');
    for (const name of ['one', 'two', 'three']) await vm.snapshot({ name });
    expect(await findings(layout)).toEqual([]);
    await vm.restore('one', { keepsPresent: true });
    await vm.deleteSnapshot('two');
    await vm.clone('copy', { snapshot: 'one' });
    expect(await findings(layout)).toEqual([]);
  });

  imageTest('notes an image that nobody uses, and no more', async ({ obtain, layout }) => {
    const { id } = await obtain('24.04');
    expect(await findings(layout)).toEqual([`image-unused images/${id}`]);
  });

  migrateTest('has nothing to say of what was migrated', async ({ target }) => {
    await target.migrate();
    expect(await findings(target.layout)).toEqual([]);
    await (await target.store.get('web')).clone('copy');
    expect(await findings(target.layout)).toEqual([]);
  });
});
