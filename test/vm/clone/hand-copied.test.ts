import { readdir, rm } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { MacAddress } from '../../../src/net/mac-address.js';
import { MacAddressGenerator } from '../../../src/net/mac-address-generator.js';
import { initialiseStore } from '../../../src/store/format.js';
import type { InstanceSpec } from '../../../src/vm/records/spec.js';
import { openStore, type VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';

interface Dice {
  /** What chance proposes first, */
  readonly wanted: MacAddress;
  /** and what it proposes next. */
  readonly spare: MacAddress;
}

let thrown = 0;

/** Decides which addresses chance proposes next in this test: such as no other instance of these tests has. */
function loadTheDice(): Dice {
  const octets = [1, 2].map((last) => Buffer.from([0xee, (thrown += 1), last]));
  const [wanted, spare] = octets.map((tail) => {
    return MacAddress.parse(`52:54:00:${tail.toString('hex').match(/../g)!.join(':')}`);
  });
  const generator = MacAddressGenerator.instance;
  const generate = generator.generate.bind(generator);
  vi.spyOn(generator, 'generate').mockImplementation((reserve) =>
    generate(reserve, () => octets.shift()!),
  );
  return { wanted: wanted!, spare: spare! };
}

function onlyInterface(mac: MacAddress): InstanceSpec['interfaces'] {
  return [{ mac, network: null, auto: true }];
}

async function macOfClone(store: VirtualMachineStore, source: string): Promise<string> {
  const copy = await (await store.get(source)).clone();
  return copy.spec.interfaces[0].mac.toString();
}

async function takeOver(from: VirtualMachineStore, to: VirtualMachineStore): Promise<void> {
  await initialiseStore(to.layout);
  await run('cp', ['-a', from.layout.instance('web').path, to.layout.instances]);
}

describe('an instance whose folder was copied into a store by hand', () => {
  test('is cloned there, after the store it came from is gone', async ({ store, root }) => {
    await makeInstance(store.layout, 'web', { thin: true, tags: 1 });
    const other = openStore(`${root}-other`);
    await takeOver(store, other);
    await rm(root, { recursive: true });
    const vm = await other.get('web');
    const copy = await vm.clone();
    const disk = other.layout.instance(copy.name).disk;
    await run('qemu-img', ['compare', other.layout.instance('web').disk, disk]);
    expect(copy.spec.interfaces[0].mac.equals(vm.spec.interfaces[0].mac)).toBe(false);
    const rows = [vm, copy].map(({ spec }) => spec.interfaces[0].mac.toHex());
    expect((await readdir(other.layout.macs)).sort()).toEqual(rows.sort());
  });

  test('keeps its MAC address to itself, though no row of the table has it', async ({
    store,
    root,
  }) => {
    const { wanted, spare } = loadTheDice();
    await makeInstance(store.layout, 'web', { spec: { interfaces: onlyInterface(wanted) } });
    const other = openStore(`${root}-other`);
    await takeOver(store, other);
    expect(await macOfClone(other, 'web')).toBe(spare.toString());
  });

  test('keeps the addresses of its snapshots to itself', async ({ store }) => {
    const { wanted, spare } = loadTheDice();
    const dir = await makeInstance(store.layout, 'web');
    await writeSnapshot(dir, snapshotRecord(1, { interfaces: onlyInterface(wanted) }));
    expect(await macOfClone(store, 'web')).toBe(spare.toString());
  });
});

describe('a MAC address in use', () => {
  test('is not given away while its instance is deleted', async ({ store }) => {
    const { wanted, spare } = loadTheDice();
    const spec = { interfaces: onlyInterface(wanted), deleted: true };
    await makeInstance(store.layout, 'old', { spec });
    await makeInstance(store.layout, 'web');
    expect(await macOfClone(store, 'web')).toBe(spare.toString());
  });

  test('is free again when its instance is purged', async ({ store }) => {
    const { wanted } = loadTheDice();
    await makeInstance(store.layout, 'old', { spec: { interfaces: onlyInterface(wanted) } });
    await makeInstance(store.layout, 'web');
    await (await store.get('old')).purge();
    expect(await macOfClone(store, 'web')).toBe(wanted.toString());
  });

  test('is known again after the whole table was lost', async ({ store }) => {
    const { wanted, spare } = loadTheDice();
    await makeInstance(store.layout, 'other', { spec: { interfaces: onlyInterface(wanted) } });
    await makeInstance(store.layout, 'web');
    await rm(store.layout.macs, { recursive: true });
    expect(await macOfClone(store, 'web')).toBe(spare.toString());
    expect(await readdir(store.layout.macs)).toHaveLength(3);
  });
});
