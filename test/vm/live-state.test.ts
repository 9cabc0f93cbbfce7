import { rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { HolderNote } from '../../src/store/lock-holders.js';
import { listInstances, viewInstance } from '../../src/vm/list-instances.js';
import { noteStopAt } from '../../src/vm/records/stop-record.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { makeInstance } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

/** Makes an instance whose QEMU seems to live. */
async function makeRunning(layout: StoreLayout, name: string, answered: boolean): Promise<void> {
  const dir = await makeInstance(layout, name, { seed: null, data: 0 });
  await pretendToRun(dir);
  if (answered) await writeFile(dir.answered, '');
}

describe('the state of an instance whose QEMU lives', () => {
  test('is Starting until its guest has let us in, in this run', async ({ store: { layout } }) => {
    await makeRunning(layout, 'new', false);
    await makeRunning(layout, 'old', true);
    expect(await listInstances(layout)).toMatchObject([
      { name: 'new', state: 'Starting' },
      { name: 'old', state: 'Running' },
    ]);
  });

  test('tells what a command is doing to it, while that lives', async ({
    store: { layout },
    start,
  }) => {
    await makeRunning(layout, 'web', true);
    for (const [purpose, state] of [
      ['restart', 'Restarting'],
      ['suspend', 'Suspending'],
      ['mount', 'Running'],
    ] as const) {
      await using note = await HolderNote.write(layout, 'web', purpose);
      expect(viewInstance(layout, 'web').state, purpose).toBe(state);
    }
    expect(viewInstance(layout, 'web').state).toBe('Running');
    const worker = start('note', ['web', 'suspend']);
    await worker.next();
    expect(viewInstance(layout, 'web').state).toBe('Suspending');
    await worker.kill();
    expect(viewInstance(layout, 'web').state, 'its command was killed').toBe('Running');
  });

  test('is Delayed Shutdown while its guest is to shut itself down', async ({
    store: { layout },
  }) => {
    await makeRunning(layout, 'web', true);
    const { stopAt } = layout.instance('web');
    const state = (): string => viewInstance(layout, 'web').state;
    await noteStopAt(layout.instance('web'), 10);
    expect(state()).toBe('Delayed Shutdown');
    await using note = await HolderNote.write(layout, 'web', 'suspend');
    expect(state()).toBe('Suspending');
    await note.remove();
    await noteStopAt(layout.instance('web'), null);
    expect(state()).toBe('Running');
    for (const text of ['{"at": "2020-01-02T03:04:05.678Z"}', '{"at": "soon"}', '{', '{}']) {
      await writeFile(stopAt, text);
      expect(state(), text).toBe('Running');
    }
    await rm(layout.instance('web').qemuPid);
    await noteStopAt(layout.instance('web'), 10);
    expect(state(), 'it has ended before').toBe('Stopped');
  });

  test('says nothing of what is done to another', async ({ store: { layout } }) => {
    await makeRunning(layout, 'web', true);
    await makeInstance(layout, 'web-2', { seed: null, data: 0 });
    await using one = await HolderNote.write(layout, 'web-2', 'restart');
    await using other = await HolderNote.write(layout, 'webs', 'suspend');
    expect(viewInstance(layout, 'web').state).toBe('Running');
    expect(viewInstance(layout, 'web-2').state).toBe('Stopped');
  });
});
