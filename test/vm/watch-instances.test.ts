import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import type { StoreEvent } from '../../src/index.js';
import type { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import { initialiseStore } from '../../src/store/format.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { makeInstance, test } from '../support/store-fixture.js';

interface Watching {
  /** What was told until now, in words. */
  readonly told: string[];
  readonly events: StoreEvent[];
  /** Waits until all of this was told, in this order, and nothing else. */
  readonly hears: (...words: readonly string[]) => Promise<void>;
  readonly end: () => Promise<void>;
}

function watching(store: VirtualMachineStore): Watching {
  const controller = new AbortController();
  const events: StoreEvent[] = [];
  const told: string[] = [];
  const done = (async () => {
    for await (const event of store.watch({ signal: controller.signal })) {
      events.push(event);
      const state = event.kind === 'gone' ? '' : ` ${event.view.state}`;
      told.push(`${event.name} ${event.kind}${state}`);
    }
  })();
  return {
    told,
    events,
    hears: async (...words) => {
      await vi.waitFor(() => expect(told).toEqual(words), { timeout: 10_000 });
      told.length = 0;
    },
    end: async () => {
      controller.abort();
      await done;
    },
  };
}

describe('watching a store', () => {
  test('tells what is there, and what comes, is renamed and goes', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const watch = watching(store);
    await watch.hears('web appeared Stopped');
    const vm = await store.get('web');
    await vm.clone('copy');
    await watch.hears('copy appeared Stopped');
    await vm.rename('shop');
    await watch.hears('shop renamed Stopped');
    expect(watch.events.at(-1)).toMatchObject({ from: 'web' });
    await (await store.get('copy')).delete();
    await watch.hears('copy changed Deleted');
    await (await store.get('copy')).purge();
    await watch.hears('copy gone');
    await watch.end();
    await (await store.get('shop')).clone('more');
    expect(watch.told).toEqual([]);
  });

  test('tells of a run from its beginning to its end', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { data: 0 });
    const watch = watching(store);
    await watch.hears('web appeared Stopped');
    await pretendToRun(dir);
    await watch.hears('web changed Starting');
    await writeFile(dir.answered, '');
    await watch.hears('web changed Running');
    await rm(dir.run, { recursive: true });
    await watch.hears('web changed Stopped');
    // A folder that was made anew is another one to the kernel.
    await pretendToRun(dir);
    await watch.hears('web changed Starting');
    await watch.end();
  });

  test('tells of what breaks, and is mended', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { data: 0 });
    const watch = watching(store);
    await watch.hears('web appeared Stopped');
    const { spec } = await store.get('web');
    await writeFile(dir.spec, 'no record');
    await watch.hears('web changed Broken');
    await writeFile(dir.spec, JSON.stringify(spec));
    await watch.hears('web changed Stopped');
    await watch.end();
  });

  test('goes on in a store that is made anew, and misses none of many', async ({ store }) => {
    const watch = watching(store);
    await rm(store.root, { recursive: true });
    await initialiseStore(store.layout);
    const names = Array.from({ length: 20 }, (_, index) => `node-${index + 1}`);
    await makeInstance(store.layout, 'golden', { data: 0 });
    await (await store.get('golden')).cloneMany(20, 'node-{n}', { linked: true });
    const seen = (): string[] => [...new Set(watch.events.map(({ name }) => name))].sort();
    const all = ['golden', ...names].sort();
    await vi.waitFor(() => expect(seen()).toEqual(all), { timeout: 10_000 });
    await watch.end();
  });
});
