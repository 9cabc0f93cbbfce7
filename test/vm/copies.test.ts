import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { Work } from '../../src/work.js';
import { run } from '../../src/process/run.js';
import { admitGuests, knownGuests } from '../../src/net/bridge/known-guests.js';
import { tapName } from '../../src/net/bridge/tap.js';
import { readMetaData } from '../../src/net/meta-data.js';
import { Subnet } from '../../src/net/subnet.js';
import type { Machine } from '../../src/qemu/machine.js';
import { StoreLayout } from '../../src/store/layout.js';
import { adoptInstance } from '../../src/vm/adopt-instance.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { purgeInstance } from '../../src/vm/delete-instance.js';
import { listInstances, viewInstance } from '../../src/vm/list-instances.js';
import { requireOwnMacs } from '../../src/vm/macs.js';
import { openInstance } from '../../src/vm/open.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { writeMachine } from '../../src/vm/records/machine-record.js';
import { readSeed } from '../../src/vm/seed/seed.js';
import { readSnapshots } from '../../src/vm/read-snapshots.js';
import { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance, test as base } from '../support/store-fixture.js';

const NAME = 'm';

const MACHINE: Omit<Machine, 'cards'> = {
  arch: 'x86_64',
  type: 'pc',
  accelerator: 'tcg',
  cpus: 1,
  memory: 1024 ** 3,
  uuid: '11111111-2222-4333-8444-555555555555',
  vmgenid: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  hasSeed: true,
  shares: [],
  seenAs: null,
};

/** A store with one instance, `m`, whose rows name its folder. */
const test = base.extend<{ layout: StoreLayout }>({
  layout: async ({ store }, use) => {
    await makeInstance(store.layout, 'seed');
    await (await store.get('seed')).clone(NAME);
    await purgeInstance(store.layout, 'seed');
    await use(store.layout);
  },
});

async function copyFolder(layout: StoreLayout, to: string, from = NAME): Promise<void> {
  await run('cp', ['-a', layout.instance(from).path, layout.instance(to).path]);
}

/** The states by name; of a copy what it is a copy of. */
async function statesOf(layout: StoreLayout): Promise<Record<string, string>> {
  const views = await listInstances(layout);
  const states = views.map((view) => {
    const of =
      view.state === 'Broken' ? /copy of the folder of "(.*?)"/.exec(view.problem.message) : null;
    return [view.name, of === null ? view.state : `copy of ${of[1] ?? ''}`];
  });
  for (const { name, state } of views) expect(viewInstance(layout, name).state).toBe(state);
  return Object.fromEntries(states) as Record<string, string>;
}

async function start(layout: StoreLayout, name: string): Promise<void> {
  const request = { for: 'start', states: ['Stopped'], work: Work.of() } as const;
  await using opened = await openInstance(layout, name, request);
  await requireOwnMacs(layout, opened.reading);
}

describe('a folder that was copied beside its instance', () => {
  test.for(['a', 'z'])(
    'is shown as a copy and not started, called %s',
    async (copy, { layout }) => {
      await copyFolder(layout, copy);
      expect(await statesOf(layout)).toEqual({ [NAME]: 'Stopped', [copy]: 'copy of m' });
      await start(layout, NAME);
      await expect(start(layout, copy)).rejects.toMatchObject({
        code: 'INSTANCE_IS_COPY',
        message: `"${copy}" is a copy of the folder of "m", with its uuid and its MAC addresses`,
        hint: expect.stringContaining(`multipass adopt ${copy}`) as string,
      });
    },
  );

  test('stays the copy when the folders are renamed, even each to the other’s name', async ({
    layout,
  }) => {
    await copyFolder(layout, 'z');
    await rename(layout.instance(NAME).path, layout.instance('zz').path);
    expect(await statesOf(layout)).toEqual({ z: 'copy of zz', zz: 'Stopped' });
    await rename(layout.instance('z').path, layout.instance(NAME).path);
    expect(await statesOf(layout)).toEqual({ [NAME]: 'copy of zz', zz: 'Stopped' });
  });

  test('is the instance once that is gone', async ({ layout }) => {
    await copyFolder(layout, 'a');
    await rm(layout.instance(NAME).path, { recursive: true });
    await start(layout, 'a');
    await copyFolder(layout, NAME, 'a');
    expect(await statesOf(layout)).toEqual({ a: 'Stopped', [NAME]: 'copy of a' });
  });

  test.for([
    [NAME, 'a'],
    ['a', NAME],
  ])('keeps the addresses when %s of the two is purged', async ([first, second], { layout }) => {
    await copyFolder(layout, 'a');
    const rows = await readdir(layout.macs);
    await purgeInstance(layout, first!);
    expect(await readdir(layout.macs)).toEqual(rows);
    expect(await statesOf(layout)).toEqual({ [second!]: 'Stopped' });
    expect(await expectSoundStore(layout)).toEqual([second]);
    await purgeInstance(layout, second!);
    expect(await readdir(layout.macs)).toEqual([]);
  });

  test('gives a clone an identity of its own, and takes no row over', async ({ store, layout }) => {
    await copyFolder(layout, 'a');
    const clone = await store.get(NAME).then((vm) => vm.clone('b'));
    await cloneInstance({ layout, source: 'a', name: 'c' });
    expect(await statesOf(layout)).toMatchObject({ a: 'copy of m', b: 'Stopped', c: 'Stopped' });
    const other = readInstance(layout, 'c').spec;
    expect([clone.spec.uuid, readInstance(layout, 'a').spec.uuid]).not.toContain(other.uuid);
  });
});

describe('a store that was copied or unpacked as a whole', () => {
  async function moved(layout: StoreLayout, how: 'cp' | 'tar'): Promise<VirtualMachineStore> {
    const root = `${layout.root}-moved`;
    const tar = `mkdir ${root} && tar -C ${layout.root} -c . | tar -C ${root} -x`;
    if (how === 'cp') await run('cp', ['-a', layout.root, root]);
    else await run('sh', ['-c', tar]);
    return new VirtualMachineStore(new StoreLayout(root));
  }

  test.for(['cp', 'tar'] as const)(
    'by %s works, and knows a copy made there',
    async (how, { layout }) => {
      const { layout: there } = await moved(layout, how);
      expect(await statesOf(there)).toEqual({ [NAME]: 'Stopped' });
      await start(there, NAME);
      await copyFolder(there, 'a');
      expect(await statesOf(there)).toEqual({ a: 'copy of m', [NAME]: 'Stopped' });
      expect(await statesOf(layout)).toEqual({ [NAME]: 'Stopped' });
    },
  );

  test('has one instance of two folders, though the rows name neither', async ({ layout }) => {
    await copyFolder(layout, 'a');
    const { layout: there } = await moved(layout, 'cp');
    const states = Object.entries(await statesOf(there));
    const [original, ...more] = states.filter(([, state]) => state === 'Stopped');
    expect([more, states.length]).toEqual([[], 2]);
    await start(there, original![0]);
    expect(Object.entries(await statesOf(there))).toEqual(states);
  });
});

describe('adopt', () => {
  test('makes the copy an instance of its own, with its snapshots', async ({ layout }) => {
    const source = await makeInstance(layout, 'web', { tags: 1 });
    await writeSnapshot(
      source,
      snapshotRecord(1, { interfaces: readInstance(layout, 'web').spec.interfaces }),
    );
    await start(layout, 'web');
    await copyFolder(layout, 'copy', 'web');
    const warnings: string[] = [];
    const work = { onWarning: (warning: string) => warnings.push(warning) };
    const { original, uuid } = await adoptInstance({ layout, name: 'copy', work });
    expect(original).toBe('web');
    const { spec, dir } = readInstance(layout, 'copy');
    const before = readInstance(layout, 'web').spec;
    expect(spec).toEqual({ ...before, uuid, vmgenid: spec.vmgenid, interfaces: spec.interfaces });
    expect(spec.vmgenid).not.toBe(before.vmgenid);
    const mac = spec.interfaces[0].mac.toString();
    expect(mac).not.toBe(before.interfaces[0].mac.toString());
    const [record] = readSnapshots(dir, undefined);
    expect(record!.interfaces[0]!.mac.toString()).toBe(mac);
    const text = (file: string): string =>
      readSeed(dir.seed)!
        .find(({ name }) => name === file)!
        .data.toString();
    expect(readMetaData(text('meta-data')).instanceId).toBe(uuid);
    expect(text('network-config')).toContain(mac);
    expect(warnings).toEqual([expect.stringContaining('machine-id')]);
    expect(await statesOf(layout)).toEqual({ copy: 'Stopped', [NAME]: 'Stopped', web: 'Stopped' });
    expect(await expectSoundStore(layout)).toEqual(['copy', NAME, 'web']);
    await purgeInstance(layout, 'web');
    expect(await expectSoundStore(layout)).toEqual(['copy', NAME]);
  });

  test('refuses what is no copy, and changes nothing', async ({ layout }) => {
    await copyFolder(layout, 'a');
    const { spec } = readInstance(layout, NAME);
    await expect(adoptInstance({ layout, name: NAME })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: '"m" is no copy of another instance',
    });
    expect(readInstance(layout, NAME).spec).toEqual(spec);
  });
});

describe('the address that an instance has on the bridge', () => {
  test.for([
    ['a copy of its folder', async (layout: StoreLayout) => await copyFolder(layout, 'a')],
    [
      'another instance that says it ran with its MAC address',
      async (layout: StoreLayout) => {
        await makeInstance(layout, 'a');
        await mkdir(layout.instance('a').run, { recursive: true });
        await run('cp', [layout.instance(NAME).machine, layout.instance('a').machine]);
      },
    ],
    [
      'a Broken one that does',
      async (layout: StoreLayout) => {
        await copyFolder(layout, 'a');
        await writeFile(layout.instance('a').spec, '{}');
      },
    ],
  ] as const)('is still its own after the deletion of %s', async ([, makeOther], { layout }) => {
    const { spec, dir } = readInstance(layout, NAME);
    const { mac } = spec.interfaces[0];
    const tap = tapName(spec.uuid, 0);
    await mkdir(dir.run, { recursive: true });
    const cards = [
      { mac: mac.toString(), backend: { kind: 'tap', tap, bridge: 'br0', within: 'host' } },
    ] as const;
    await writeMachine(dir, { machine: { ...MACHINE, cards }, started: '' });
    await mkdir(layout.network);
    const subnet = Subnet.tryParse('10.9.9.0/24')!;
    await admitGuests(layout.network, subnet, [{ mac, tap }]);
    await makeOther(layout);
    await purgeInstance(layout, 'a');
    expect(knownGuests(layout.network)).toEqual([{ mac, tap, address: '10.9.9.2' }]);
    await purgeInstance(layout, NAME);
    expect(knownGuests(layout.network)).toEqual([]);
  });
});
