import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { newToken } from '../../src/store/maker-token.js';
import { collides, parsePortRow, portRowName } from '../../src/store/port-row.js';
import { PortTable } from '../../src/store/port-table.js';
import { StagedInstance } from '../../src/store/staging.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { rowsOfFolder } from '../../src/vm/macs.js';
import { leftovers } from '../support/sound-store.js';
import { makeInstance, specOf, test } from '../support/store-fixture.js';

const ROW = 'tcp-127.0.0.1-8080';
const FORWARD = { address: '127.0.0.1', hostPort: 8080, guestPort: 80, protocol: 'tcp' } as const;

/** Claims a row for somebody in the making. */
async function claim(layout: StoreLayout, row: string, uuid: string = randomUUID()) {
  const staged = await StagedInstance.create(layout, uuid, null);
  return { staged, holder: await staged.claimPort(row, rowsOfFolder) };
}

/** As when its maker was killed: under the token of a process that is not there. */
async function abandon(layout: StoreLayout, staged: StagedInstance): Promise<void> {
  await staged.leave();
  const fields = newToken().split('.');
  fields[4] = '1';
  await rename(staged.path, layout.staged(fields.join('.')));
}

describe('the name of a row', () => {
  test.for(['tcp-127.0.0.1-8080', 'udp-0.0.0.0-53', 'tcp-255.255.255.255-65535'])('%s', (name) => {
    expect(portRowName(parsePortRow(name)!)).toBe(name);
  });

  test.for(['lock', 'tcp-127.0.0.1-0', 'tcp-127.0.0.1-65536', 'tcp-1.2.3-80', 'sctp-1.2.3.4-80'])(
    '%s is none',
    (name) => {
      expect(parsePortRow(name)).toBeUndefined();
    },
  );

  test('tells which ports are in the way of each other', () => {
    expect(collides(ROW, ROW)).toBe(true);
    expect(collides(ROW, 'tcp-0.0.0.0-8080')).toBe(true);
    expect(collides('tcp-0.0.0.0-8080', ROW)).toBe(true);
    expect(collides(ROW, 'tcp-127.0.0.2-8080')).toBe(false);
    expect(collides(ROW, 'udp-127.0.0.1-8080')).toBe(false);
    expect(collides(ROW, 'tcp-0.0.0.0-8081')).toBe(false);
  });
});

describe('the table of ports', () => {
  test('gives a port to one alone', async ({ store: { layout } }) => {
    const first = await claim(layout, ROW);
    expect(first.holder).toBeUndefined();
    const second = await claim(layout, ROW);
    expect(second.holder).toEqual({ row: ROW, uuid: first.staged.uuid });
    const everywhere = await claim(layout, 'tcp-0.0.0.0-8080');
    expect(everywhere.holder).toEqual({ row: ROW, uuid: first.staged.uuid });
    expect((await claim(layout, 'udp-127.0.0.1-8080')).holder).toBeUndefined();
    await second.staged.discard();
    expect(new PortTable(layout).owner(ROW)).toBe(first.staged.uuid);
    await first.staged.discard();
    expect(new PortTable(layout).rows()).toEqual(['udp-127.0.0.1-8080']);
    expect((await claim(layout, 'tcp-0.0.0.0-8080')).holder).toBeUndefined();
    expect((await claim(layout, ROW)).holder).toMatchObject({ row: 'tcp-0.0.0.0-8080' });
  });

  test('gives one of many the port that all want at once', async ({ store: { layout } }) => {
    const rows = [ROW, 'tcp-0.0.0.0-8080'];
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) => claim(layout, rows[index % 2]!)),
    );
    expect(claims.filter(({ holder }) => holder === undefined)).toHaveLength(1);
    expect(new PortTable(layout).rows()).toHaveLength(1);
  });

  test('keeps what an instance has in its spec, and no more', async ({ store: { layout } }) => {
    const spec = specOf({ forwards: [FORWARD] });
    await makeInstance(layout, 'web', { data: 0, spec });
    const own = await claim(layout, ROW, spec.uuid);
    await own.staged.intendPort('tcp-127.0.0.1-9090', rowsOfFolder);
    await own.staged.claimPort('tcp-127.0.0.1-9090', rowsOfFolder);
    await own.staged.discard();
    expect(new PortTable(layout).rows()).toEqual([ROW]);
    expect((await claim(layout, ROW)).holder).toEqual({ row: ROW, uuid: spec.uuid });
  });

  test('takes back what nobody has any more, however that came', async ({ store: { layout } }) => {
    await mkdir(layout.ports);
    await writeFile(layout.portRow(ROW), `${randomUUID()}\n`);
    await writeFile(layout.portRow('tcp-0.0.0.0-9090'), 'nonsense');
    expect((await claim(layout, ROW)).holder).toBeUndefined();
    expect((await claim(layout, 'tcp-127.0.0.1-9090')).holder).toBeUndefined();
    expect(existsSync(layout.portRow('tcp-0.0.0.0-9090'))).toBe(false);
  });

  test('is put right by the sweep after a kill', async ({ store: { layout } }) => {
    const spec = specOf({ forwards: [FORWARD] });
    await makeInstance(layout, 'web', { data: 0, spec });
    // Killed before its spec was written, and after.
    const before = await claim(layout, 'tcp-127.0.0.1-9090', spec.uuid);
    const after = await claim(layout, ROW, spec.uuid);
    const unborn = await claim(layout, 'udp-127.0.0.1-53');
    for (const { staged } of [before, after, unborn]) await abandon(layout, staged);
    await prepareStore(layout);
    expect(new PortTable(layout).rows()).toEqual([ROW]);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await leftovers(layout)).toEqual([]);
  });
});
