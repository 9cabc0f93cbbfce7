import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/process/run.js';
import { StoreLayout } from '../../src/store/layout.js';
import { PortTable } from '../../src/store/port-table.js';
import { addForward } from '../../src/vm/forwards/add-forward.js';
import { formatForward } from '../../src/vm/forwards/forward-text.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { COMMAND } from '../support/bin.js';
import { leftovers } from '../support/sound-store.js';
import { makeInstance } from '../support/store-fixture.js';
import { forEachCrashPoint, type CrashScenario } from './crash-points.js';
import { makeTemplate } from './store-scenario.js';
import { expectStruck, replacing } from './struck.js';

const PORT = 18_080;
const ROW = `tcp-127.0.0.1-${PORT}`;
const TEXT = `${PORT}:80`;
/** Of the steps, most are the sweep's, which others strike. */
const FEW = 3;

let template: string;

beforeAll(async () => {
  template = await makeTemplate(async (layout) => {
    for (const name of ['web', 'db']) await makeInstance(layout, name, { data: 0 });
    // The table is there: that a first forward makes it is no matter of kills.
    await addForward({ layout, name: 'db', forward: { host: 9, guest: 9, protocol: 'udp' } });
  });
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

function forwardsIn(layout: StoreLayout): string[] {
  return readInstance(layout, 'web').spec.forwards.map(formatForward);
}

/** The spec is as before or as after; after the next command the table says the same; and nobody is kept away. */
function forwardScenario(
  args: readonly string[],
  [before, after]: readonly [string[], string[]],
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
      const found = forwardsIn(layout);
      expect([before, after]).toContainEqual(found);
      if (exitCode === 0) expect(found).toEqual(after);
      expect(stderr).not.toMatch(/^ +at /m);
      await prepareStore(layout);
      const rows = new PortTable(layout).rows().filter((row) => row === ROW);
      expect(rows).toEqual(found.length === 0 ? [] : [ROW]);
      const name = found.length === 0 ? 'db' : 'web';
      await addForward({ layout, name, forward: { host: PORT, guest: 80 } });
      expect(new PortTable(layout).owner(ROW)).toBe(readInstance(layout, name).spec.uuid);
      // A killed command's lock folder goes with the next one that takes that lock.
      const left = (await leftovers(layout)).filter((name) => name !== 'web.lock');
      expect(left).toEqual([]);
    },
    dispose: async ({ root }) => await rm(join(root, '..'), { recursive: true, force: true }),
  };
}

describe('killed at any step, a forward is there or it is not, and blocks nobody', () => {
  it('when it is made', async () => {
    const scenario = forwardScenario(['forward', 'web', TEXT], [[], [TEXT]]);
    const figures = await forEachCrashPoint(scenario, { every: FEW });
    expectStruck(figures, replacing('store/instances/web', 'spec.json'), { every: FEW });
  }, 900_000);

  it('when it is ended', async () => {
    const layout = new StoreLayout(join(template, 'store'));
    await addForward({ layout, name: 'web', forward: { host: PORT, guest: 80 } });
    const scenario = forwardScenario(['forward', 'web', '--remove', TEXT], [[TEXT], []]);
    const figures = await forEachCrashPoint(scenario, { every: FEW });
    const struck = [...replacing('store/instances/web', 'spec.json'), `unlink store/ports/${ROW}`];
    expectStruck(figures, struck, { every: FEW });
  }, 900_000);
});
