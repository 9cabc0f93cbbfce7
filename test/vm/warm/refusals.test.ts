import { describe, expect } from 'vitest';
import { exists } from '../../../src/vm/read-instance.js';
import { requireHostMemory } from '../../../src/vm/run/host-memory.js';
import { leftovers } from '../../support/sound-store.js';
import { errorOf } from '../../support/refusal.js';
import { makeInstance, test } from '../../support/store-fixture.js';

describe('a clone with memory is refused', () => {
  test('of what has none', async ({ store }) => {
    await makeInstance(store.layout, 'web', { tags: 1 });
    await makeInstance(store.layout, 'asleep', { otherTags: ['suspend'] });
    for (const name of ['web', 'asleep']) {
      const vm = await store.get(name);
      const attempt = vm.clone('copy', { warm: true });
      const error = await errorOf(attempt, 'INSTANCE_NOT_RUNNING');
      expect(error).toMatchObject({
        message: `"${name}" has no memory to be cloned with`,
        hint: 'Start it first, or leave --warm out.',
      });
    }
    expect(exists(store.layout, 'copy')).toBe(false);
    expect(await leftovers(store.layout)).toEqual([]);
  });

  test.for([
    [{ warm: true, cold: true }, 'a clone cannot be warm and cold'],
    [{ full: true }, 'only what is cloned with its memory can be renewed in full'],
    [
      { warm: true, overrides: { cpus: 2 } },
      'a clone that goes on from a memory has the CPUs, the memory and the disk of its source',
    ],
    [
      { warm: true, overrides: { memory: '1G' } },
      'a clone that goes on from a memory has the CPUs, the memory and the disk of its source',
    ],
    [
      { warm: true, overrides: { resetStaticAddresses: true } },
      'the addresses in the network-config are set at a first boot only',
    ],
  ] as const)('with what cannot be: %o', async ([options, message], { store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const { message: said } = await errorOf(vm.clone('copy', options), 'INVALID_ARGUMENT');
    expect(said).toBe(message);
  });
});

describe('several guests at once', () => {
  test('have to fit into the memory of the host', async () => {
    const tooMuch = Promise.resolve().then(() => requireHostMemory(1000, 1024 ** 4));
    await errorOf(tooMuch, 'MEMORY_SHORT');
    expect(() => requireHostMemory(2, 1024 ** 2)).not.toThrow();
  });
});
