import { describe, expect, vi } from 'vitest';
import type { StoreLayout } from '../../../src/store/layout.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { layersBelow } from '../../../src/vm/disks/long-chain.js';
import { multipassInProcess } from '../../support/in-process.js';
import type { CommandResult } from '../../support/command.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { contentOf, writeData } from '../../support/disk-content.js';

// Programs are started some hundred times.
vi.setConfig({ testTimeout: 180_000 });

/** Makes `web` stand on so many layers, by writing and linking in turn; what it wrote last is not linked yet. */
async function makeChain(store: VirtualMachineStore, layers: number): Promise<void> {
  const { layout } = store;
  const dir = await makeInstance(layout, 'web', { data: 0 });
  const vm = await store.get('web');
  for (let layer = 0; layer < layers; layer += 1) {
    await writeData(dir, layer);
    await vm.clone(`link${layer}`, { linked: true });
  }
  await writeData(dir, layers);
  expect(layersBelow(dir)).toBe(layers);
}

function run(layout: StoreLayout, words: string): Promise<CommandResult> {
  return multipassInProcess(words.split(' '), layout);
}

function warningsOf({ stdout }: CommandResult): string[] {
  return (JSON.parse(stdout) as { warnings: string[] }).warnings;
}

const told = (who: string, layers: number, whom: string): string =>
  `${who} on ${layers} layers, and reading takes longer with each: ` +
  `\`multipass flatten ${whom}\` makes one layer of them`;

describe('a linked clone on many layers', () => {
  test('is made, and told with the way back, from the ninth layer on', async ({ store }) => {
    const { layout } = store;
    await makeChain(store, 7);
    const [eighth, dir] = [
      await run(layout, 'clone web --linked -n eighth'),
      layout.instance('web'),
    ];
    expect([eighth.exitCode, eighth.stderr, layersBelow(dir)]).toEqual([0, '', 8]);
    // An empty head is linked as it is: the chain stays as it is.
    expect((await run(layout, 'clone web --linked -n again')).stderr).toBe('');
    await writeData(dir, 100);
    const content = await contentOf(dir);
    const told9 = told('"ninth" stands', 9, 'ninth');
    const plan = await run(layout, 'clone web --linked -n ninth --dry-run --format json');
    expect([warningsOf(plan), plan.stderr]).toEqual([[told9], `warning: ${told9}\n`]);
    const ninth = await run(layout, 'clone web --linked -n ninth --format json');
    expect([warningsOf(ninth), ninth.stderr]).toEqual([[told9], `warning: ${told9}\n`]);
    expect(ninth.exitCode).toBe(0);
    expect(layersBelow(layout.instance('ninth'))).toBe(9);
    expect(await contentOf(layout.instance('ninth'))).toBe(content);
    expect((await run(layout, 'tree')).stdout).toMatch(/ninth .* shared, on 9 layers$/m);
    // It does what was said, and no more.
    expect(await run(layout, 'flatten ninth')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await contentOf(layout.instance('ninth'))).toBe(content);
    expect([layersBelow(layout.instance('ninth')), layersBelow(dir)]).toEqual([0, 9]);
    await writeData(layout.instance('ninth'), 101);
    expect((await run(layout, 'clone ninth --linked')).stderr).toBe('');
  });

  test('is told once for several, and of one with snapshots, but not of a copy', async ({
    store,
  }) => {
    const { layout } = store;
    await makeChain(store, 8);
    await (await store.get('web')).snapshot({ name: 'then' });
    const told9 = told('"n1" and 2 more stand', 9, 'NAME');
    const plan = await run(layout, 'clone web --linked --count 3 -n n{n} --dry-run --format json');
    expect(warningsOf(plan)).toEqual([told9]);
    const three = await run(layout, 'clone web --linked --count 3 -n n{n} --format json');
    expect([warningsOf(three), three.stderr]).toEqual([[told9], `warning: ${told9}\n`]);
    for (const name of ['n1', 'n2', 'n3']) expect(layersBelow(layout.instance(name))).toBe(9);
    // Its source is not frozen, and so has no more of them than before.
    expect(layersBelow(layout.instance('web'))).toBe(8);
    const copy = await run(layout, 'clone n1 --name copy --format json');
    expect([warningsOf(copy), copy.stderr]).toEqual([[], '']);
    expect(layersBelow(layout.instance('copy'))).toBe(9);
  });
});
