import { rm } from 'node:fs/promises';
import { describe, it } from 'vitest';
import {
  aliasTemplate,
  firstAliasScenario,
  purgeScenario,
  unaliasScenario,
} from './aliases-scenario.js';
import { forEachCrashPoint, type CrashFigures } from './crash-points.js';
import { expectStruck, replacing } from './struck.js';

/** Of the steps, most are the sweep's, which others strike. */
const FEW = 4;

async function strike(
  scenario: typeof firstAliasScenario,
  withOne: boolean,
  every = FEW,
): Promise<CrashFigures> {
  const template = await aliasTemplate({ withOne });
  try {
    return await forEachCrashPoint(scenario(template), { every });
  } finally {
    await rm(template, { recursive: true, force: true });
  }
}

describe('killed at any step, the aliases are as before or as after', () => {
  it('when the first one is made', async () => {
    expectStruck(
      await strike(firstAliasScenario, false),
      [
        ...replacing('store', 'aliases.json'),
        'rename store/bin/.run-alias.new store/bin/.run-alias',
        'symlink store/bin/old',
      ],
      { every: FEW },
    );
  }, 900_000);

  it('when one is removed', async () => {
    const steps = [...replacing('store', 'aliases.json'), 'unlink store/bin/default.old'];
    expectStruck(await strike(unaliasScenario, true), steps, { every: FEW });
  }, 900_000);

  it('when the instance of one is purged', async () => {
    const steps = [
      'rename store/instances/bystander store/trash/*',
      ...replacing('store', 'aliases.json'),
      'unlink store/bin/default.old',
    ];
    expectStruck(await strike(purgeScenario, true, 2), steps, { every: 2 });
  }, 900_000);
});
