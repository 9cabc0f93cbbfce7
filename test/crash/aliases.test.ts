import { readdir, readFile, rm } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/process/run.js';
import { StoreLayout } from '../../src/store/layout.js';
import { defineAlias, preferContext, removeAliases } from '../../src/vm/aliases/change-aliases.js';
import { listAliases } from '../../src/vm/aliases/list-aliases.js';
import { COMMAND } from '../support/bin.js';
import { makeInstance } from '../support/store-fixture.js';
import { forEachCrashPoint, type CrashScenario } from './crash-points.js';
import { BYSTANDER, makeTemplate } from './store-scenario.js';
import { expectStruck, replacing } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    const choices = { layout, instance: BYSTANDER, workingDirectory: 'map' } as const;
    await defineAlias({ ...choices, name: 'old', command: 'ls' });
  });
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

/** Of the steps, most are the sweep's, which others strike. */
const FEW = 4;

/** The names of the aliases that there are. */
async function namesIn(layout: StoreLayout): Promise<string[]> {
  const { contexts } = await listAliases(layout);
  return contexts.flatMap(({ aliases }) => aliases.map(({ name }) => name));
}

/** A change of the aliases: they are as before or as after, and the next change puts `bin/` right. */
function aliasScenario(
  args: readonly string[],
  after: readonly string[],
): CrashScenario<StoreLayout> {
  return {
    async prepare() {
      const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-crash-'));
      await run('cp', ['-a', '--', `${template}/.`, folder]);
      return new StoreLayout(join(folder, 'store'));
    },
    command: ({ root }) => ({
      argv: [...COMMAND, ...args],
      root: join(root, '..'),
      env: { MULTIPASS_STORAGE: root },
    }),
    async check(layout, { run: { exitCode, stderr } }) {
      const names = await namesIn(layout);
      expect([['old'], after]).toContainEqual(names);
      if (exitCode === 0) expect(names).toEqual(after);
      expect(stderr).not.toMatch(/^ +at /m);
      await preferContext(layout, 'other');
      const entries = names.flatMap((name) => [name, `default.${name}`]);
      expect((await readdir(layout.bin)).sort()).toEqual(['.run-alias', ...entries.sort()]);
      expect(await readFile(join(layout.bin, '.run-alias'), 'utf8')).toMatch(/^#!.*"\$@"\n$/s);
    },
    dispose: async ({ root }) => await rm(join(root, '..'), { recursive: true, force: true }),
  };
}

describe('killed at any step, the aliases are as before or as after', () => {
  it('when the first one is made', async () => {
    await removeAliases(new StoreLayout(join(template, 'store')), ['old']);
    // An empty folder is what removing leaves; a store that never had an alias has none.
    await rm(join(template, 'store/bin'), { recursive: true });
    const scenario = aliasScenario(['alias', `${BYSTANDER}:true`, 'old'], ['old']);
    const check: typeof scenario.check = async (layout, point) => {
      if ((await namesIn(layout)).length === 0) return;
      await scenario.check(layout, point);
    };
    const figures = await forEachCrashPoint({ ...scenario, check }, { every: FEW });
    expectStruck(
      figures,
      [
        ...replacing('store', 'aliases.json'),
        'rename store/bin/.run-alias.new store/bin/.run-alias',
        'symlink store/bin/old',
      ],
      { every: FEW },
    );
  }, 900_000);

  it('when one is removed', async () => {
    const layout = new StoreLayout(join(template, 'store'));
    const choices = { layout, instance: BYSTANDER, workingDirectory: 'map' } as const;
    await defineAlias({ ...choices, name: 'old', command: 'ls' });
    const figures = await forEachCrashPoint(aliasScenario(['unalias', 'old'], []), { every: FEW });
    expectStruck(figures, [...replacing('store', 'aliases.json'), 'unlink store/bin/default.old'], {
      every: FEW,
    });
  }, 900_000);
});
