import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLegacyData, type LegacyFixture } from '../../../fixtures/legacy/build.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { test as base } from '../../support/store-fixture.js';
import { multipass, type CommandResult } from '../../support/command.js';

/** A store that the legacy data was migrated to, by the command, for all tests of a file to look at. */
interface Migrated {
  readonly layout: StoreLayout;
  /** What the migration printed. */
  readonly result: CommandResult;
}

/** Legacy data, built once for a test file; migrate leaves it as it is, so that all its tests may share it. */
export const test = base.extend<{ legacy: LegacyFixture; migrated: Migrated }>({
  legacy: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-legacy-'));
      await use(await buildLegacyData(join(folder, 'old')));
      await rm(folder, { recursive: true, force: true });
    },
    { scope: 'file' },
  ],
  migrated: [
    async ({ legacy }, use) => {
      const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-migrated-'));
      const layout = new StoreLayout(join(folder, 'store'));
      const from = legacy.paths.root;
      const result = await multipass(['migrate', '--from', from], { store: layout.root });
      await use({ layout, result });
      await rm(folder, { recursive: true, force: true });
    },
    { scope: 'file' },
  ],
});
