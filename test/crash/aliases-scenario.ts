import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { StoreLayout } from '../../src/store/layout.js';
import { defineAlias, preferContext } from '../../src/vm/change-aliases.js';
import { listAliases } from '../../src/vm/aliases/list-aliases.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { COMMAND } from '../support/bin.js';
import { makeInstance } from '../support/store-fixture.js';
import type { CrashScenario } from './crash-points.js';
import { BYSTANDER, makeTemplate } from './store-scenario.js';

/** A store that has never had an alias; or, `withOne`, one that has the alias `old`. */
export async function aliasTemplate({ withOne }: { readonly withOne: boolean }): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    const choices = { layout, instance: BYSTANDER, workingDirectory: 'map' } as const;
    if (withOne) await defineAlias({ ...choices, name: 'old', command: 'ls' });
  });
}

/** `alias bystander:true old`, the first one of a store. */
export function firstAliasScenario(template: string): CrashScenario<StoreLayout> {
  const scenario = aliasScenario(template, ['alias', `${BYSTANDER}:true`, 'old'], [[], ['old']]);
  return {
    ...scenario,
    check: async (layout, point) => {
      if ((await namesIn(layout)).length > 0) await scenario.check(layout, point);
      // The next change; there is nothing for `bin/` yet.
      else await preferContext(layout, 'other');
    },
  };
}

/** `unalias old`, the only one. */
export function unaliasScenario(template: string): CrashScenario<StoreLayout> {
  return aliasScenario(template, ['unalias', 'old'], [['old'], []]);
}

/** `delete --purge` of the instance that the only alias is of: with it goes the alias, by the next command at the latest. */
export function purgeScenario(template: string): CrashScenario<StoreLayout> {
  const scenario = aliasScenario(template, ['delete', '--purge', BYSTANDER], [['old'], []]);
  return {
    ...scenario,
    async check(layout, point) {
      await prepareStore(layout);
      const isThere = existsSync(layout.instance(BYSTANDER).path);
      expect(await namesIn(layout)).toEqual(isThere ? ['old'] : []);
      await scenario.check(layout, point);
    },
  };
}

/** The names of the aliases that there are. */
async function namesIn(layout: StoreLayout): Promise<string[]> {
  const { contexts } = await listAliases(layout);
  return contexts.flatMap(({ aliases }) => aliases.map(({ name }) => name));
}

/** A change of the aliases: they are as before or as after, and the next change puts `bin/` right. */
function aliasScenario(
  template: string,
  args: readonly string[],
  [before, after]: readonly [readonly string[], readonly string[]],
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
      expect([before, after]).toContainEqual(names);
      if (exitCode === 0) expect(names).toEqual(after);
      expect(stderr).not.toMatch(/^ +at /m);
      await preferContext(layout, 'other');
      const entries = names.flatMap((name) => [name, `default.${name}`]);
      expect((await readdir(layout.bin)).sort()).toEqual(['.run-alias', ...entries.sort()]);
      expect(await readFile(join(layout.bin, '.run-alias'), 'utf8')).toMatch(/^#!.*"\$@"\n$/s);
    },
    store: (layout) => layout,
    dispose: async ({ root }) => await rm(join(root, '..'), { recursive: true, force: true }),
  };
}
