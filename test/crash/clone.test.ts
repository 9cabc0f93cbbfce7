import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/exec.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { makeInstance } from '../support/store-fixture.js';
import { forEachCrashPoint } from './crash-points.js';
import { BYSTANDER, storeScenario, type StoreContext } from './store-scenario.js';

let template: string;

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'multipass-ts-template-'));
  const layout = new StoreLayout(join(template, 'store'));
  await initialiseStore(layout);
  await makeInstance(layout, BYSTANDER, { data: 0 });
  await makeInstance(layout, 'plain', { data: 1, thin: true });
  await makeInstance(layout, 'tagged', { data: 1, tags: 2 });
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

const OTHERS = ['store/instances/bystander', 'store/instances/plain', 'store/instances/tagged'];
const BEFORE = ['bystander Stopped', 'plain Stopped', 'tagged Stopped'];

function cloneScenario(source: string): ReturnType<typeof storeScenario> {
  return storeScenario({
    template,
    args: () => ['clone', source, '--name', 'copy'],
    untouched: OTHERS,
    before: BEFORE,
    after: ['bystander Stopped', 'copy Stopped', 'plain Stopped', 'tagged Stopped'],
    check: async (context, isAfter) => {
      if (isAfter) await checkCopy(context, source);
    },
  });
}

async function checkCopy({ layout }: StoreContext, source: string): Promise<void> {
  const { disk } = layout.instance('copy');
  await run('qemu-img', ['check', '-q', disk]);
  await run('qemu-img', ['compare', '-q', layout.instance(source).disk, disk]);
}

describe('a clone that is killed at any step', () => {
  it('leaves the store as before or as after, when the disk is copied', async () => {
    const figures = await forEachCrashPoint(cloneScenario('plain'));
    console.info('clone by copy:', figures);
    expect(figures.fired).toBeGreaterThan(40);
  }, 600_000);

  it('leaves the store as before or as after, when the disk is converted', async () => {
    const figures = await forEachCrashPoint(cloneScenario('tagged'));
    console.info('clone by convert:', figures);
    expect(figures.fired).toBeGreaterThan(40);
  }, 600_000);
});
