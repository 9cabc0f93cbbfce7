import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import type { InstanceSpec } from '../../src/vm/records/spec.js';
import { randomUUID } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { requireOwnMacs } from '../../src/vm/macs.js';
import { leftovers } from '../support/sound-store.js';
import { handMadeMac, specOf, test } from '../support/store-fixture.js';

/** With a folder that is not there: its rows name none. */
function of(layout: StoreLayout, spec: InstanceSpec): { dir: InstanceDir; spec: InstanceSpec } {
  return { dir: layout.instance('web'), spec };
}

describe('requireOwnMacs', () => {
  test('changes nothing when all rows are there', async ({ store: { layout } }) => {
    const spec = specOf();
    const row = layout.macRow(spec.interfaces[0].mac.toHex());
    await writeFile(row, `${spec.uuid}\n`);
    await requireOwnMacs(layout, of(layout, spec));
    expect(await readFile(row, 'utf8')).toBe(`${spec.uuid}\n`);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('claims what is missing, for the instance itself', async ({ store: { layout } }) => {
    const interfaces = [0, 1].map(() => ({ mac: handMadeMac(), network: null, auto: true }));
    const spec = specOf({ interfaces: [interfaces[0]!, interfaces[1]!] });
    const [first, second] = spec.interfaces.map(({ mac }) => layout.macRow(mac.toHex()));
    await writeFile(first!, `${spec.uuid}\n`);
    await requireOwnMacs(layout, of(layout, spec));
    expect((await readFile(second!, 'utf8')).trim()).toBe(spec.uuid);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('refuses an address of another instance, and takes none', async ({ store: { layout } }) => {
    const interfaces = [0, 1].map(() => ({ mac: handMadeMac(), network: null, auto: true }));
    const spec = specOf({ interfaces: [interfaces[0]!, interfaces[1]!] });
    const taken = spec.interfaces[1]!.mac;
    await writeFile(layout.macRow(taken.toHex()), `${randomUUID()}\n`);
    await expect(requireOwnMacs(layout, of(layout, spec))).rejects.toMatchObject({
      code: 'MAC_TAKEN',
      message: `the MAC address ${taken.toString()} belongs to another instance`,
      hint: expect.stringContaining('Clone the instance') as string,
    });
    expect(await readdir(layout.macs)).toEqual([taken.toHex()]);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('lets one of two copies have an address that neither has claimed', async ({
    store: { layout },
  }) => {
    const spec = specOf();
    const copies = [spec, { ...spec, uuid: randomUUID() }];
    const outcomes = await Promise.allSettled(
      copies.map((one) => requireOwnMacs(layout, of(layout, one))),
    );
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    const row = layout.macRow(spec.interfaces[0].mac.toHex());
    expect((await readFile(row, 'utf8')).trim()).toBe(copies[winner]?.uuid);
    expect(outcomes[1 - winner]).toMatchObject({ reason: { code: 'MAC_TAKEN' } });
    await rm(row);
  });
});
