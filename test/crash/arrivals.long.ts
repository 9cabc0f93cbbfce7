import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { realRegistry, type RealRegistry } from '../registry/real-registry.js';
import { adoptFolderScenario, adoptFolderTemplate } from './adopt-folder-scenario.js';
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
let copied: string;
let pushed: Pushed;

beforeAll(async () => {
  registry = await realRegistry();
  foreign = await foreignTemplate();
  copied = await adoptFolderTemplate();
  pushed = await pullTemplate(registry.host);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  for (const folder of [foreign, copied, pushed.folder]) {
    await rm(folder, { recursive: true, force: true });
  }
});

/** The disk is full, or broken, in any step. */
const ERRORS = ['ENOSPC', 'EIO'] as const;

describe('struck at any step, the store is as before, or has the whole instance', () => {
  it('when a machine of another program is imported', async () => {
    const figures = await forEachCrashPoint(foreignScenario(foreign), { errors: ERRORS });
    expectStruck(figures, publishing('shop'));
  }, 3_600_000);

  it('when an instance is pulled', async () => {
    const figures = await forEachCrashPoint(pullScenario(pushed), { errors: ERRORS });
    expectStruck(figures, publishing('web'));
  }, 3_600_000);

  it('when a folder from outside is adopted', async () => {
    const figures = await forEachCrashPoint(adoptFolderScenario(copied), { errors: ERRORS });
    expectStruck(figures, publishing('copy'));
  }, 3_600_000);
});
