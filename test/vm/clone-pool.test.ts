import { readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, vi } from 'vitest';
import { clonePool } from '../../src/vm/clone-pool.js';
import { listInstances } from '../../src/vm/list-instances.js';
import type { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import { errorOf } from '../support/refusal.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance, test } from '../support/store-fixture.js';

const STOPPED = { start: false } as const;

async function clonesIn({ layout }: VirtualMachineStore): Promise<number> {
  return (await listInstances(layout)).length - 1;
}

describe('a pool of clones', () => {
  test('has them ready, gives each to one, and never has more than its size', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const golden = await store.get('golden');
    const seen = new Set<string>();
    let most = 0;
    let shown = '';
    {
      await using pool = clonePool(golden, { ...STOPPED, size: 2 });
      await vi.waitFor(async () => expect(await clonesIn(store)).toBe(2), {
        timeout: 30_000,
      });
      await vi.waitFor(() => expect((shown = inspect(pool))).toContain('2 ready'));
      const use = async (): Promise<void> => {
        await using vm = await pool.acquire();
        most = Math.max(most, await clonesIn(store));
        seen.add(vm.spec.uuid);
        await pause(5);
      };
      await Promise.all(Array.from({ length: 6 }, use));
    }
    expect(shown).toBe('ClonePool(golden, 2 ready of 2)');
    expect(seen.size).toBe(6);
    expect(most).toBeLessThanOrEqual(2);
    expect(await expectSoundStore(store.layout)).toEqual(['golden']);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  test('makes another one in the place of one that is kept', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    await using pool = clonePool(await store.get('golden'), { ...STOPPED, size: 1 });
    const kept = await pool.acquire();
    const next = pool.acquire();
    await kept.keep();
    expect((await next).name).not.toBe(kept.name);
    await (await next)[Symbol.asyncDispose]();
  });

  test('leaves to whoever has one to end it, and tells whoever waits', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const pool = clonePool(await store.get('golden'), { ...STOPPED, size: 1 });
    await using vm = await pool.acquire();
    const controller = new AbortController();
    const impatient = pool.acquire(controller.signal);
    const waiting = pool.acquire();
    controller.abort();
    await errorOf(impatient, 'ABORTED');
    const told = errorOf(waiting, 'INVALID_ARGUMENT');
    await pool[Symbol.asyncDispose]();
    await told;
    await errorOf(pool.acquire(), 'INVALID_ARGUMENT');
    expect(vm.state).toBe('Stopped');
    expect(await clonesIn(store)).toBe(1);
  });

  test('tells why none can be made, and tries again at the next call', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'golden', { data: 0 });
    const golden = await store.get('golden');
    await using pool = clonePool(golden, { ...STOPPED, size: 1, snapshot: 'clean' });
    await errorOf(pool.acquire(), 'SNAPSHOT_NOT_FOUND');
    expect(await clonesIn(store)).toBe(0);
    await golden.snapshot({ name: 'clean' });
    await using vm = await pool.acquire();
    expect(vm.state).toBe('Stopped');
    expect(dir.name).toBe('golden');
  });

  test('gives up what it is making when it is closed', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const phases: string[] = [];
    let started = (): void => undefined;
    const isStarting = new Promise<void>((resolve) => (started = resolve));
    const work = {
      onProgress: ({ phase }: { phase: string }) => {
        phases.push(phase);
        if (phase === 'starting') started();
      },
    };
    // Its guest has no system, so that it never lets anybody in.
    const pool = clonePool(await store.get('golden'), { size: 1, work });
    await isStarting;
    const began = performance.now();
    await pool[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(phases).toContain('starting');
    expect(await expectSoundStore(store.layout)).toEqual(['golden']);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  test('has a size', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const golden = await store.get('golden');
    for (const size of [0, -1, 1.5, NaN, 1001]) {
      expect(() => clonePool(golden, { ...STOPPED, size })).toThrow('invalid size of a pool');
    }
  });
});
