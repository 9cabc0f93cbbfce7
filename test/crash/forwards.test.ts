import { rm } from 'node:fs/promises';
import { describe, it } from 'vitest';
import { forEachCrashPoint, type CrashFigures } from './crash-points.js';
import {
  addForwardScenario,
  forwardTemplate,
  removeForwardScenario,
  ROW,
} from './forwards-scenario.js';
import { expectStruck, replacing } from './struck.js';

/** Of the steps, most are the sweep's, which others strike. */
const FEW = 3;

async function strike(
  scenario: typeof addForwardScenario,
  withOne: boolean,
): Promise<CrashFigures> {
  const template = await forwardTemplate({ withOne });
  try {
    return await forEachCrashPoint(scenario(template), { every: FEW });
  } finally {
    await rm(template, { recursive: true, force: true });
  }
}

describe('killed at any step, a forward is there or it is not, and blocks nobody', () => {
  it('when it is made', async () => {
    const figures = await strike(addForwardScenario, false);
    expectStruck(figures, replacing('store/instances/web', 'spec.json'), { every: FEW });
  }, 900_000);

  it('when it is ended', async () => {
    const figures = await strike(removeForwardScenario, true);
    const struck = [...replacing('store/instances/web', 'spec.json'), `unlink store/ports/${ROW}`];
    expectStruck(figures, struck, { every: FEW });
  }, 900_000);
});
