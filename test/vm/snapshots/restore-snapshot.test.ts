import { parseRow } from '../../../src/store/mac-table.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { readMetaData } from '../../../src/net/meta-data.js';
import { macsOfNetworkConfig } from '../../../src/net/network-config.js';
import { run } from '../../../src/process/run.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { recordText } from '../../../src/files/record.js';
import { writeIso } from '../../../src/vm/seed/iso9660-writer.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import type { NetworkInterface } from '../../../src/vm/records/interface.js';
import { restoreSnapshot } from '../../../src/vm/snapshots/restore-snapshot.js';
import { handMadeMac, makeInstance, specOf, test } from '../../support/store-fixture.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { contentOf, contentsOf, tagsOf, writeData } from '../../support/disk-content.js';
import { makeUnfit } from '../../support/run-state.js';

function card(network: string | null = null): NetworkInterface {
  return { mac: handMadeMac(), network, auto: true };
}

/** What the seed says of who the machine is. */
function seedOf(dir: InstanceDir): {
  instanceId: string | null;
  hostname: string | null;
  macs: string[];
} {
  const text = (file: string): string =>
    readSeed(dir.seed)!
      .find(({ name }) => name === file)!
      .data.toString('utf8');
  const macs = macsOfNetworkConfig(text('network-config'), 'network-config');
  return { ...readMetaData(text('meta-data')), macs: macs.map(({ mac }) => mac.toString()) };
}

async function ownerOf(macRow: string): Promise<string> {
  return parseRow(await readFile(macRow, 'utf8')).uuid;
}

describe('a restore', () => {
  test('brings back any state of a branched tree, in any order', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { thin: true, data: 1 });
    const vm = await store.get('web');
    const contents = new Map<string, string>();
    let number = 0;
    const grow = async (...names: string[]): Promise<void> => {
      for (const name of names) {
        await writeData(dir, (number += 1));
        contents.set(name, await contentOf(dir));
        await vm.snapshot({ name });
      }
    };
    await grow('a', 'b', 'c', 'd', 'e');
    await vm.restore('b');
    await grow('b-c', 'b-d');
    await vm.restore('a');
    await grow('a-b');
    const tree = (await store.get('web'))
      .snapshots()
      .map(({ record, parent }) => [record.name, parent]);
    expect(Object.fromEntries(tree)).toEqual({
      a: null,
      b: 'a',
      c: 'b',
      d: 'c',
      e: 'd',
      'b-c': 'b',
      'b-d': 'b-c',
      'a-b': 'a',
    });
    expect(new Set(contents.values()).size).toBe(8);
    for (const name of ['e', 'a', 'b-d', 'c', 'a-b', 'd', 'e']) {
      // Whatever the state was that is lost.
      await writeData(dir, (number += 1));
      await vm.restore(name);
      expect(await contentOf(dir), name).toBe(contents.get(name));
    }
    const { spec } = await store.get('web');
    expect(spec.snapshotHead).toBe(5);
    expect(Object.values(await contentsOf(dir)).sort()).toEqual([...contents.values()].sort());
    await run('qemu-img', ['check', '-q', dir.disk]);
  }, 240_000);

  test('brings back what the instance was like, and gives it another vmgenid', async ({
    store,
  }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot();
    const mounts = [
      { source: '/a', target: '/b', type: 'native', uidMappings: [], gidMappings: [] } as const,
    ];
    const before = vm.spec;
    const other = { ...before, cpus: 7, memory: 2 ** 32, mounts, snapshotHead: 1, note: 'kept' };
    await writeFile(dir.spec, recordText(other));
    const seed = await readFile(dir.seed);
    await vm.restore('snapshot1');
    const { spec } = await store.get('web');
    expect(JSON.parse(await readFile(dir.spec, 'utf8'))).toMatchObject({ note: 'kept' });
    const { cpus, memory, interfaces } = before;
    expect(spec).toMatchObject({ cpus, memory, interfaces, mounts: [], snapshotHead: 1 });
    expect(spec.uuid).toBe(before.uuid);
    expect(spec.vmgenid).not.toBe(before.vmgenid);
    expect(seed.equals(await readFile(dir.seed))).toBe(true);
  });

  test('brings back the size of the disk', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { data: 1 });
    const vm = await store.get('web');
    const before = await contentOf(dir);
    await vm.snapshot({ name: 'small' });
    const size = 128 * 1024 ** 2;
    await run('qemu-img', ['resize', '-q', dir.disk, `${size}`]);
    await writeFile(dir.spec, recordText({ ...(await store.get('web')).spec, disk: size }));
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 100M 1M', dir.disk]);
    const large = await contentOf(dir);
    await vm.restore('small', { keepsPresent: true });
    expect((await store.get('web')).spec.disk).toBe(64 * 1024 ** 2);
    expect(await contentOf(dir)).toBe(before);
    await vm.restore('snapshot1');
    expect((await store.get('web')).spec.disk).toBe(size);
    expect(await contentOf(dir)).toBe(large);
  });

  test('may keep the present state, in a snapshot of its own', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot({ name: 'old' });
    await writeData(dir, 3);
    const present = await contentOf(dir);
    const told: unknown[] = [];
    await vm.restore('old', { keepsPresent: true, onSnapshot: (record) => told.push(record) });
    const taken = {
      name: 'snapshot1',
      index: 2,
      parent: 1,
      comment: 'Before restoring old',
    };
    expect(told).toMatchObject([taken]);
    expect((await store.get('web')).snapshots()[1]).toMatchObject({ record: taken });
    expect((await store.get('web')).spec.snapshotHead).toBe(1);
    expect(await contentOf(dir, '@s2')).toBe(present);
  });

  test('forgets the host keys, which were those of another time', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot();
    await mkdir(dir.run);
    await writeFile(dir.knownHosts, 'web ssh-ed25519 AAAA');
    await vm.restore('snapshot1');
    expect(existsSync(dir.knownHosts)).toBe(false);
  });
});

describe('the interfaces of a snapshot', () => {
  test('come back, and the seed tells the guest what it knew then', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { spec: { interfaces: [card(), card('br0')] } });
    const vm = await store.get('web');
    const then = seedOf(dir);
    await vm.snapshot();
    const [first, second] = vm.spec.interfaces;
    // As if one had been taken away and another one added since.
    const third = card('br1');
    await writeFile(
      dir.spec,
      recordText({ ...vm.spec, interfaces: [first, third], snapshotHead: 1 }),
    );
    const texts = readSeed(dir.seed)!.map(({ name, data }) => ({
      name,
      data: Buffer.from(
        data
          .toString('utf8')
          .replace('instance-id: web', 'instance-id: another')
          .replace(second!.mac.toString(), third.mac.toString()),
      ),
    }));
    await writeFile(dir.seed, writeIso(texts));
    expect(seedOf(dir)).not.toEqual(then);
    await vm.restore('snapshot1');
    expect((await store.get('web')).spec.interfaces).toEqual(vm.spec.interfaces);
    expect(seedOf(dir)).toEqual(then);
    const kept = (name: string) => readSeed(dir.seed)!.find((file) => file.name === name)?.data;
    expect(kept('user-data')).toEqual(texts[2]!.data);
    expect(kept('vendor-data')).toEqual(texts[1]!.data);
  });

  test('get their rows again in a store that has lost them', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const interfaces = [...specOf().interfaces, card('br0')];
    await run('qemu-img', ['snapshot', '-c', '@s1', dir.disk]);
    await writeSnapshot(dir, snapshotRecord(1, { interfaces }));
    const vm = await store.get('web');
    await vm.restore('snapshot1');
    expect((await store.get('web')).spec.interfaces).toEqual(interfaces);
    for (const { mac } of interfaces) {
      expect(await ownerOf(layout.macRow(mac.toHex()))).toBe(vm.spec.uuid);
    }
  });

  test('get another MAC address where it belongs to another instance now', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot();
    const { interfaces } = vm.spec;
    const other = await makeInstance(layout, 'other', { spec: { interfaces } });
    const otherBefore = await readFile(other.spec);
    const warnings: string[] = [];
    await vm.restore('snapshot1', {
      work: { onWarning: (warning) => void warnings.push(warning) },
    });
    const { spec } = await store.get('web');
    const [old, now] = [interfaces[0].mac, spec.interfaces[0].mac];
    expect(now.equals(old)).toBe(false);
    expect(warnings).toEqual([
      `the MAC address ${old.toString()} belongs to another instance: interface default has ${now.toString()} now`,
    ]);
    // Under an instance-id that it knows, cloud-init would leave the guest with the old address.
    expect(seedOf(dir)).toMatchObject({ hostname: 'web', macs: [now.toString()] });
    expect(seedOf(dir).instanceId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await ownerOf(layout.macRow(now.toHex()))).toBe(spec.uuid);
    expect(await ownerOf(layout.macRow(old.toHex()))).toBe((await store.get('other')).spec.uuid);
    expect(await readFile(other.spec)).toEqual(otherBefore);
  });

  test('are the present ones where the snapshot has none', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { tags: 1, seed: null });
    await writeSnapshot(dir, snapshotRecord(1, { interfaces: [] }));
    const vm = await store.get('web');
    await vm.restore('snapshot1');
    expect((await store.get('web')).spec.interfaces).toEqual(vm.spec.interfaces);
    expect(existsSync(dir.seed)).toBe(false);
  });
});

describe('nothing is restored', () => {
  test('that is not there, or whose state is lost', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot();
    const missing = await expectRefusal(store, () => vm.restore('x'), 'SNAPSHOT_NOT_FOUND');
    expect(missing.message).toBe('No such snapshot: web.x');
    await run('qemu-img', ['snapshot', '-d', '@s1', dir.disk]);
    const restoring = (): Promise<boolean> => vm.restore('snapshot1', { keepsPresent: true });
    const lost = await expectRefusal(store, restoring, 'SNAPSHOT_NOT_FOUND');
    expect(lost.message).toContain('does not hold the snapshot "snapshot1" (@s1) any more');
  });

  test('of an instance that is not stopped', async ({ store }) => {
    const { layout } = store;
    await makeUnfit(layout);
    for (const name of ['running', 'asleep', 'gone', 'corrupt']) {
      await writeSnapshot(layout.instance(name), snapshotRecord(1));
    }
    const restoring = (instance: string) => () =>
      restoreSnapshot({ layout, name: instance, snapshot: 'snapshot1' });
    for (const instance of ['running', 'asleep']) {
      const error = await expectRefusal(store, restoring(instance), 'INSTANCE_NOT_STOPPED');
      expect(error.message).toBe('Multipass can only restore snapshots of stopped instances.');
    }
    await expectRefusal(store, restoring('gone'), 'INSTANCE_DELETED');
    await expectRefusal(store, restoring('nope'), 'INSTANCE_NOT_FOUND');
    await errorOf(restoring('corrupt')(), 'DISK_INVALID');
    expect(existsSync(layout.instance('corrupt').pending)).toBe(false);
  });

  test('once the command is interrupted, however late', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot();
    await writeData(dir, 3);
    const present = await contentOf(dir);
    const interruption = new AbortController();
    const options = { keepsPresent: true, work: { signal: interruption.signal } };
    const restoring = vm.restore('snapshot1', {
      ...options,
      onSnapshot: () => interruption.abort(),
    });
    await errorOf(restoring, 'ABORTED');
    expect(await contentOf(dir)).toBe(present);
    const { spec } = await store.get('web');
    expect(spec).toEqual({ ...vm.spec, snapshotHead: 2 });
  });

  test('over a disk that somebody else writes to', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot();
    const holder = spawn('qemu-io', ['-f', 'qcow2', dir.disk]);
    // Its prompt is written once the disk is open.
    await once(holder.stdout, 'data');
    await errorOf(vm.restore('snapshot1', { keepsPresent: true }), 'DISK_IN_USE');
    holder.stdin.end();
    await once(holder, 'close');
    expect(existsSync(dir.pending)).toBe(false);
    expect(tagsOf(dir)).toEqual(['@s1']);
  });
});
