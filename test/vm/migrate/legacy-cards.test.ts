import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { seedOf } from '../../../fixtures/legacy/seeds.js';
import type { LegacyInstance } from '../../../fixtures/legacy/instances.js';
import { MacAddress } from '../../../src/net/mac-address.js';
import { initialiseStore } from '../../../src/store/format.js';
import { readIso } from '../../../src/vm/seed/iso9660-reader.js';
import { makeInstance } from '../../support/store-fixture.js';
import { type LegacyCopy, type MigrationTarget, test, treeOf } from './legacy-copy.js';

const WEB = '52:54:00:10:00:01';
const LAN = '52:54:00:10:00:02';
const LAB = '52:54:00:10:00:03';
const DB = '52:54:00:20:00:01';

/** Makes records and seed of an instance as if it had been launched with other MACs. */
async function changeMacs(
  legacy: LegacyCopy,
  name: string,
  macs: Pick<LegacyInstance, 'mac' | 'extraInterfaces'>,
): Promise<void> {
  const { description, seed } = legacy.instance(name);
  await writeFile(seed, seedOf({ ...description, ...macs }, 'ssh-rsa AAAA ubuntu@localhost'));
  await legacy.changeSpecs((records) => {
    records[name] = {
      ...records[name],
      mac_addr: macs.mac,
      extra_interfaces: (macs.extraInterfaces ?? []).map(({ id, mac, auto }) => ({
        id,
        auto_mode: auto,
        mac_address: mac,
      })),
    };
  });
}

async function setSnapshotExtras(path: string, extras: readonly (readonly [string, string])[]) {
  const { snapshot } = JSON.parse(await readFile(path, 'utf8')) as { snapshot: object };
  const extra_interfaces = extras.map(([id, mac]) => ({ id, mac_address: mac, auto_mode: true }));
  await writeFile(path, JSON.stringify({ snapshot: { ...snapshot, extra_interfaces } }));
}

/** The MACs of an instance's interfaces, and of those in its snapshot of this index. */
async function macsIn(target: MigrationTarget, name: string, snapshot?: number): Promise<string[]> {
  const vm = await target.store.get(name);
  const record = vm.snapshots().find((view) => view.record.index === snapshot)?.record;
  return (record ?? vm.spec).interfaces.map(({ mac }) => mac.toString());
}

/** Every MAC of every instance has its row, which holds that instance's uuid. */
async function expectRows(target: MigrationTarget): Promise<void> {
  const rows = await target.rows();
  for (const { name } of await target.store.list()) {
    const vm = await target.store.get(name);
    const machines = [vm.spec, ...vm.snapshots().map(({ record }) => record)];
    for (const { mac } of machines.flatMap(({ interfaces }) => interfaces)) {
      expect([mac.toString(), rows[mac.toString()]]).toEqual([mac.toString(), vm.spec.uuid]);
    }
  }
}

/** The files of a seed. */
async function readSeed(path: string): Promise<Record<string, string>> {
  const { files } = readIso(await readFile(path), path);
  return Object.fromEntries(files.map((file) => [file.name, file.data.toString()]));
}

async function seedIn(target: MigrationTarget, name: string): Promise<Record<string, string>> {
  return await readSeed(target.layout.instance(name).seed);
}

async function isSeedUntouched(legacy: LegacyCopy, target: MigrationTarget, name: string) {
  const seed = await readFile(target.layout.instance(name).seed);
  return seed.equals(await readFile(legacy.instance(name).seed));
}

/** What each entry of a network-config matches. */
function macsByEntry(text: string): Record<string, string> {
  const entries = text.matchAll(/^ {2}(\w+):\n {4}match:\n {6}macaddress: "([^"]+)"/gm);
  return Object.fromEntries([...entries].map(([, name, mac]) => [name!, mac!]));
}

const ANEW = 'cloud-init will set it up anew at its next start, for its new MAC';

function replaced(old: string, made: string): string {
  return `its MAC ${old} is in use by another interface: it has ${made} now`;
}

describe('the MACs of migrated instances', () => {
  test('stay, snapshots’ too, each with a row', async ({ legacy, target }) => {
    const dropped = '52:54:00:10:00:09';
    const path = legacy.file('web', '0002.snapshot.json');
    await setSnapshotExtras(path, [
      ['br-lan', LAN.toUpperCase()],
      ['br-old', dropped],
    ]);
    await target.migrate();
    expect(await macsIn(target, 'web')).toEqual([WEB, LAN, LAB]);
    expect(await macsIn(target, 'web', 2)).toEqual([WEB, LAN, dropped]);
    expect(await macsIn(target, 'web', 1)).toEqual([WEB]);
    await expectRows(target);
    expect(Object.keys(await target.rows()).sort()).toEqual(
      legacy
        .names()
        .flatMap((name) => legacy.instance(name).macs)
        .concat(dropped)
        .sort(),
    );
  });

  test('differ when two interfaces of one instance had the same', async ({ legacy, target }) => {
    const extraInterfaces = [
      { id: 'br-lan', mac: WEB, auto: true },
      { id: 'br-lab', mac: LAB, auto: false },
    ];
    await changeMacs(legacy, 'web', { mac: WEB.toUpperCase(), extraInterfaces });
    await setSnapshotExtras(legacy.file('web', '0002.snapshot.json'), [['br-lan', WEB]]);
    const old = await readSeed(legacy.instance('web').seed);
    const { warnings } = await target.migrateOne('web');
    const [first, lan, lab] = await macsIn(target, 'web');
    expect([first, lab]).toEqual([WEB, LAB]);
    expect(lan).not.toBe(WEB);
    expect(await macsIn(target, 'web', 2)).toEqual([WEB, lan]);
    expect(warnings).toEqual([replaced(WEB, lan!), ANEW]);
    await expectRows(target);
    const seed = await seedIn(target, 'web');
    expect(macsByEntry(seed['network-config']!)).toEqual({ default: WEB, extra0: lan });
    const { uuid } = (await target.store.get('web')).spec;
    expect(seed['meta-data']).toBe(
      `#cloud-config\ninstance-id: ${uuid}\nlocal-hostname: web\ncloud-name: multipass\n`,
    );
    expect(seed['user-data']).toBe(old['user-data']);
    expect(seed['vendor-data']).toBe(old['vendor-data']);
  });

  test('leave the seed alone when only a manual interface has a new one', async ({
    legacy,
    target,
  }) => {
    const extraInterfaces = [{ id: 'br-lab', mac: WEB, auto: false }];
    await changeMacs(legacy, 'web', { mac: WEB, extraInterfaces });
    const { warnings } = await target.migrateOne('web');
    const [first, lab] = await macsIn(target, 'web');
    expect(first).toBe(WEB);
    expect(warnings).toEqual([replaced(WEB, lab!)]);
    expect(await isSeedUntouched(legacy, target, 'web')).toBe(true);
  });

  test('stay with the first of two instances that had the same', async ({ legacy, target }) => {
    await changeMacs(legacy, 'web', { mac: DB.toUpperCase() });
    const { report, complete } = await target.migrate({ names: ['web', 'db'] });
    expect(complete).toBe(true);
    expect(await macsIn(target, 'db')).toEqual([DB]);
    const [mac] = await macsIn(target, 'web');
    expect(mac).not.toBe(DB);
    expect(report.instances.map(({ warnings }) => warnings)).toEqual([
      [],
      [replaced(DB, mac!), ANEW],
    ]);
    await expectRows(target);
    expect(await isSeedUntouched(legacy, target, 'db')).toBe(true);
    expect(macsByEntry((await seedIn(target, 'web'))['network-config']!)).toEqual({ default: mac });
  });

  test('stay with an instance that was in the store before', async ({ legacy, target }) => {
    await initialiseStore(target.layout);
    const interfaces = [WEB, DB].map((mac) => {
      return { mac: MacAddress.parse(mac), network: null, auto: true };
    }) as [never];
    await makeInstance(target.layout, 'mine', { spec: { interfaces } });
    await setSnapshotExtras(legacy.file('db', '0001.snapshot.json'), [['br-lan', WEB]]);
    const { warnings } = await target.migrateOne('db');
    const [mac, ...none] = await macsIn(target, 'db');
    const [first, extra] = await macsIn(target, 'db', 1);
    expect(none).toEqual([]);
    expect(first).toBe(mac);
    expect([DB, WEB]).not.toContain(mac);
    expect([DB, WEB, mac]).not.toContain(extra);
    expect(warnings).toEqual([replaced(DB, mac!), replaced(WEB, extra!), ANEW]);
    await expectRows(target);
    expect(await macsIn(target, 'mine')).toEqual([WEB, DB]);
  });

  test('are new, for the guest too, when none is on record', async ({ legacy, target }) => {
    await legacy.changeSpecs((records) => {
      records['old'] = { ...records['old'], mac_addr: 'none', metadata: {} };
    });
    const { warnings } = await target.migrateOne('old');
    expect(warnings).toEqual(['its MAC address is not on record: it gets a new one', ANEW]);
    const [mac] = await macsIn(target, 'old');
    const seed = await seedIn(target, 'old');
    expect(macsByEntry(seed['network-config']!)).toEqual({ default: mac });
    const { uuid } = (await target.store.get('old')).spec;
    expect(seed['meta-data']).toContain(`instance-id: ${uuid}\n`);
    await expectRows(target);
    expect((await target.migrateOne('old')).reason).toBe('already there');
  });

  test('are free again when the migration fails', async ({ legacy, target }) => {
    await changeMacs(legacy, 'web', { mac: DB, extraInterfaces: [] });
    await writeFile(legacy.instance('web').seed, 'no ISO');
    await target.migrate({ names: ['db'] });
    const before = [await target.rows(), await treeOf(legacy.root)];
    expect(await target.migrateOne('web', { mode: 'move' })).toMatchObject({ action: 'failed' });
    expect([await target.rows(), await treeOf(legacy.root)]).toEqual(before);
    expect((await stat(legacy.instance('web').disk)).nlink).toBe(1);
    expect(await target.leftovers()).toEqual([]);
  });
});
