import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
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
import type { CrashScenario } from './crash-points.js';
import { makeTemplate } from './store-scenario.js';

const PORT = 18_080;
/** The row of the port. */
export const ROW = `tcp-127.0.0.1-${PORT}`;
const TEXT = `${PORT}:80`;

/** A store whose instance `web` has no forward, or one; the table is there, which the first one makes. */
export async function forwardTemplate({ withOne }: { readonly withOne: boolean }): Promise<string> {
  return await makeTemplate(async (layout) => {
    for (const name of ['web', 'db']) await makeInstance(layout, name, { data: 0 });
    await addForward({ layout, name: 'db', forward: { host: 9, guest: 9, protocol: 'udp' } });
    if (withOne) await addForward({ layout, name: 'web', forward: { host: PORT, guest: 80 } });
  });
}

/** `forward web 18080:80`. */
export function addForwardScenario(template: string): CrashScenario<StoreLayout> {
  return forwardScenario(template, ['forward', 'web', TEXT], [[], [TEXT]]);
}

/** `forward web --remove 18080:80`. */
export function removeForwardScenario(template: string): CrashScenario<StoreLayout> {
  return forwardScenario(template, ['forward', 'web', '--remove', TEXT], [[TEXT], []]);
}

function forwardsIn(layout: StoreLayout): string[] {
  return readInstance(layout, 'web').spec.forwards.map(formatForward);
}

/** The spec is as before or as after; after the next command the table says the same; and nobody is kept away. */
function forwardScenario(
  template: string,
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
    store: (layout) => layout,
    dispose: async ({ root }) => await rm(join(root, '..'), { recursive: true, force: true }),
  };
}
