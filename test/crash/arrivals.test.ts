import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { realRegistry, type RealRegistry } from '../registry/real-registry.js';
import {
  foreignScenario,
  foreignTemplate,
  pullScenario,
  pullTemplate,
  type Pushed,
} from './arrival-scenarios.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck, publishing } from './struck.js';

let registry: RealRegistry;
let foreign: string;
let pushed: Pushed;

beforeAll(async () => {
  registry = await realRegistry();
  foreign = await foreignTemplate();
  pushed = await pullTemplate(registry.host);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(foreign, { recursive: true, force: true });
  await rm(pushed.folder, { recursive: true, force: true });
});

const FEW = 32;

describe('killed at any step, the store is as before, or has the whole instance', () => {
  it('when a machine of another program is imported', async () => {
    const figures = await forEachCrashPoint(foreignScenario(foreign), { every: FEW });
    expectStruck(figures, publishing('shop'), { every: FEW });
  }, 900_000);

  it('when an instance is pulled', async () => {
    const figures = await forEachCrashPoint(pullScenario(pushed), { every: FEW });
    expectStruck(figures, publishing('web'), { every: FEW });
  }, 900_000);
});
