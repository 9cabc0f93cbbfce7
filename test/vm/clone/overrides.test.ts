import { describe, expect } from 'vitest';
import { notASize } from '../../../src/memory-size.js';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { expectRefusal } from '../../support/refusal.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('a clone with other resources than its source', () => {
  test('has those, and the rest from its source', async ({ store }) => {
    const mount = { source: '/home/us', target: '/mnt', type: 'classic' as const };
    const mounts = [{ ...mount, uidMappings: [], gidMappings: [] }];
    await makeInstance(store.layout, 'web', { spec: { cpus: 2, memory: 2 * GIB, mounts } });
    const vm = await store.get('web');
    const before = vm.spec;
    const cases = [
      [{ cpus: 7 }, { cpus: 7, memory: 2 * GIB, mounts }],
      [{ memory: 512 * MIB }, { cpus: 2, memory: 512 * MIB, mounts }],
      [
        { memory: '1.5G', disk: '64M' },
        { cpus: 2, memory: 1.5 * GIB, mounts },
      ],
      [{ noMounts: true }, { cpus: 2, memory: 2 * GIB, mounts: [] }],
      [{ noMounts: false }, { cpus: 2, memory: 2 * GIB, mounts }],
    ] as const;
    for (const [overrides, wanted] of cases) {
      const { spec } = await vm.clone(undefined, { overrides, linked: true });
      expect(spec).toMatchObject({ ...wanted, disk: 64 * MIB });
    }
    expect((await store.get('web')).spec).toEqual(before);
  });

  for (const [way, made, choices] of [
    ['copied', {}, {}],
    ['converted', { tags: 1 }, {}],
    ['linked', {}, { linked: true }],
    ['linked, with a base of its own', { tags: 1 }, { linked: true }],
  ] as const) {
    test(`has a larger disk with the same content in front: ${way}`, async ({ store }) => {
      const { layout } = store;
      const dir = await makeInstance(layout, 'web', made);
      const vm = await store.get('web');
      const overrides = { disk: 96 * MIB };
      const copies = [
        await vm.clone('copy', { ...choices, overrides }),
        ...(await vm.cloneMany(2, 'many-{n}', { ...choices, overrides })),
      ];
      for (const { name, spec } of copies) {
        const { disk } = layout.instance(name);
        expect(spec.disk).toBe(96 * MIB);
        expect(readQcow2(disk).virtualSize).toBe(96 * MIB);
        // What is behind the shorter one is zeros.
        await run('qemu-img', ['compare', '-q', dir.disk, disk]);
        await run('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read -P 0 64M 32M', disk]);
        await run('qemu-img', ['check', '-q', disk]);
      }
      expect(readQcow2(dir.disk).virtualSize).toBe(64 * MIB);
    });
  }

  // 9.3G is such a size, and 1.3G.
  test.for([
    ['copied', {}, {}],
    ['converted', { tags: 1 }, {}],
    ['linked', {}, { linked: true }],
  ] as const)(
    'has a disk of whole sectors, and records that: %s',
    async ([, made, choices], { store }) => {
      const { layout } = store;
      await makeInstance(layout, 'web', made);
      const vm = await store.get('web');
      for (const [wanted, size] of [
        [64 * MIB + 1, 64 * MIB + 512],
        [64 * MIB + 511, 64 * MIB + 512],
        [64 * MIB + 512, 64 * MIB + 512],
      ] as const) {
        const copy = await vm.clone(undefined, { ...choices, overrides: { disk: wanted } });
        expect(copy.spec.disk).toBe(size);
        expect(readQcow2(layout.instance(copy.name).disk).virtualSize).toBe(size);
      }
    },
  );

  test('keeps the size that its source records, when no other is asked for', async ({ store }) => {
    await makeInstance(store.layout, 'web', { spec: { disk: 64 * MIB - 1 } });
    const copy = await (await store.get('web')).clone('copy');
    expect(copy.spec.disk).toBe(64 * MIB - 1);
  });

  test('is refused before any work when they cannot be', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const cases = [
      [{ disk: 64 * MIB - 1 }, 'Disk can only be expanded'],
      [{ memory: 128 * MIB - 1 }, 'Memory less than 128M minimum not allowed'],
      [{ memory: 'lots' }, `memory: ${notASize('lots')}`],
      [{ disk: -1 }, `disk: ${notASize('-1')}`],
      [{ cpus: 0 }, "invalid CPU count '0', need a positive integer value"],
      [{ cpus: 1.5 }, "invalid CPU count '1.5', need a positive integer value"],
    ] as const;
    for (const [overrides, message] of cases) {
      for (const choices of [{}, { linked: true }, { dryRun: true }]) {
        const cloning = (): Promise<unknown> =>
          cloneInstance({ layout: store.layout, source: 'web', ...choices, overrides });
        const error = await expectRefusal(store, cloning, 'INVALID_ARGUMENT');
        expect(error.message).toBe(message);
      }
      await expectRefusal(
        store,
        () => vm.cloneMany(2, undefined, { overrides }),
        'INVALID_ARGUMENT',
      );
    }
  });

  test('may have less memory than is allowed when its source has it already', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0, spec: { memory: 256 * MIB } });
    const copy = await (await store.get('web')).clone(undefined, { overrides: { cpus: 2 } });
    expect(copy.spec).toMatchObject({ cpus: 2, memory: 256 * MIB });
  });
});
