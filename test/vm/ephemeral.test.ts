import { rmSync, writeFileSync } from 'node:fs';
import { cp, readdir } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import { openStore, setLogSink } from '../../src/index.js';
import { sweepEphemeral } from '../../src/vm/ephemeral.js';
import { listInstances } from '../../src/vm/list-instances.js';
import type { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import { multipassInProcess } from '../support/in-process.js';
import { errorOf } from '../support/refusal.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

const EPHEMERAL = { ephemeral: true } as const;

async function namesIn({ layout }: VirtualMachineStore): Promise<string[]> {
  return (await listInstances(layout)).map(({ name }) => name);
}

describe('an ephemeral clone', () => {
  test('ends with its block, and leaves nothing', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const golden = await store.get('golden');
    {
      await using vm = await golden.clone(undefined, EPHEMERAL);
      expect(await namesIn(store)).toEqual(['golden', 'golden-clone1']);
      expect(await readdir(store.layout.locks)).toHaveLength(2);
      await using other = await golden.clone('other', EPHEMERAL);
      await other.purge();
      expect(vm.state).toBe('Stopped');
    }
    expect(await expectSoundStore(store.layout)).toEqual(['golden']);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  test('ends under the name that it has by then, and stays when it is kept', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const golden = await store.get('golden');
    const first = await golden.clone('first', EPHEMERAL);
    const renamed = await first.rename('second');
    await first[Symbol.asyncDispose]();
    expect(await namesIn(store)).toEqual(['golden', 'second']);
    await renamed[Symbol.asyncDispose]();
    const kept = await golden.clone('kept', EPHEMERAL);
    await kept.keep();
    await kept[Symbol.asyncDispose]();
    await golden[Symbol.asyncDispose]();
    expect(await namesIn(store)).toEqual(['golden', 'kept']);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  test('does not end another instance that has its name by then', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const golden = await store.get('golden');
    const vm = await golden.clone('web', EPHEMERAL);
    await vm.purge();
    await golden.clone('web');
    await vm[Symbol.asyncDispose]();
    expect(await namesIn(store)).toEqual(['golden', 'web']);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  test('ends with its store, but not with another one', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    {
      await using mine = openStore(store.root);
      await (await mine.get('golden')).cloneMany(3, 'node-{n}', EPHEMERAL);
      await (await store.get('golden')).clone('yours', EPHEMERAL);
    }
    expect(await namesIn(store)).toEqual(['golden', 'yours']);
    await store[Symbol.asyncDispose]();
    expect(await namesIn(store)).toEqual(['golden']);
  });

  test('is not there when it cannot be started, nor its mark', async ({ store }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    vi.stubEnv('PATH', store.root);
    const golden = await store.get('golden');
    await errorOf(golden.clone(undefined, { ...EPHEMERAL, start: true }), 'TOOL_MISSING');
    await errorOf(golden.clone('golden', EPHEMERAL), 'NAME_TAKEN');
    expect(await namesIn(store)).toEqual(['golden']);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  test('that cannot be purged after a failure is told of by that failure, and is left to its store', async ({
    store,
  }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const golden = await store.get('golden');
    const { trash } = store.layout;
    const onReport = (): void => {
      rmSync(trash, { recursive: true });
      writeFileSync(trash, '');
      throw new Error('what is told');
    };
    const lines: string[] = [];
    setLogSink({ verbosity: 0, write: (line) => void lines.push(line) });
    try {
      const failing = golden.clone(undefined, { ...EPHEMERAL, onReport });
      await expect(failing).rejects.toThrow('what is told');
    } finally {
      setLogSink(undefined);
    }
    expect(lines).toEqual([
      expect.stringContaining('[ephemeral] a failed clone is left for now: '),
    ]);
    expect(await namesIn(store)).toEqual(['golden', 'golden-clone1']);
    rmSync(trash);
    await store[Symbol.asyncDispose]();
    expect(await expectSoundStore(store.layout)).toEqual(['golden']);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  test('of a process that was killed ends with the next one', async ({ store, start }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const worker = start('ephemeral', ['golden', '3']);
    const names = (await worker.next()) as string[];
    expect(names).toHaveLength(3);
    await sweepEphemeral(store.layout);
    expect(await namesIn(store)).toEqual(['golden', ...names]);
    // A copy by hand has the uuid of what ends, and is somebody's.
    const { layout } = store;
    await cp(layout.instance(names[0]!).path, layout.instance('copy').path, { recursive: true });
    await worker.kill();
    expect((await multipassInProcess(['purge'], layout)).exitCode).toBe(0);
    expect(await namesIn(store)).toEqual(['copy', 'golden']);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('of a process that was killed ends when the library makes another one', async ({
    store,
    start,
  }) => {
    await makeInstance(store.layout, 'golden', { data: 0 });
    const worker = start('ephemeral', ['golden']);
    await worker.next();
    await worker.kill();
    await using vm = await (await store.get('golden')).clone('mine', EPHEMERAL);
    expect(await namesIn(store)).toEqual(['golden', vm.name]);
    expect(await readdir(store.layout.locks)).toHaveLength(2);
  });
});
