import { inodeOf } from '../../../src/store/mac-table.js';
import { readdir, readFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import type { VirtualMachine } from '../../../src/vm/virtual-machine.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';

const AT_ONCE = 16;

function macsOf(vm: VirtualMachine): string[] {
  return vm.spec.interfaces.map(({ mac }) => mac.toHex());
}

describe('clones that are made at the same time', () => {
  test('get sixteen names, and no identifier twice', async ({ store }) => {
    const { layout } = store;
    const interfaces = [
      { mac: handMadeMac(), network: null, auto: true },
      { mac: handMadeMac(), network: 'br0', auto: false },
    ] as const;
    await makeInstance(layout, 'web', { spec: { interfaces } });
    const vm = await store.get('web');
    const copies = await Promise.all(Array.from({ length: AT_ONCE }, () => vm.clone()));

    const names = copies.map(({ name }) => name);
    const numbers = Array.from({ length: AT_ONCE }, (_, index) => `web-clone${index + 1}`);
    expect(names.toSorted()).toEqual(numbers.toSorted());

    const all = [vm, ...copies];
    expect(new Set(all.map(({ spec }) => spec.uuid)).size).toBe(AT_ONCE + 1);
    expect(new Set(all.map(({ spec }) => spec.vmgenid)).size).toBe(AT_ONCE + 1);
    const macs = all.flatMap(macsOf);
    expect(new Set(macs).size).toBe(2 * (AT_ONCE + 1));

    expect((await readdir(layout.macs)).sort()).toEqual(macs.sort());
    for (const copy of copies) {
      for (const hex of macsOf(copy)) {
        expect(await readFile(layout.macRow(hex), 'utf8')).toBe(
          `${copy.spec.uuid}\n${inodeOf(layout.instance(copy.name).path) ?? ''}\n`,
        );
      }
      // Whoever had to take another name has it in the seed too.
      const [metaData] = readSeed(layout.instance(copy.name).seed) ?? [];
      expect(metaData?.data.toString()).toContain(`local-hostname: ${copy.name}\n`);
    }
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('let one alone have a name that all are given', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const cloning = Array.from({ length: 4 }, () =>
      cloneInstance({ layout, source: 'web', name: 'web-2' }),
    );
    const outcomes = await Promise.allSettled(cloning);
    const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(losers).toHaveLength(3);
    for (const { reason } of losers) {
      expect(['NAME_TAKEN', 'NAME_IN_PREPARATION']).toContain((reason as { code: string }).code);
    }
    expect((await readdir(layout.instances)).sort()).toEqual(['web', 'web-2']);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.macs)).toHaveLength(2);
  });
});
