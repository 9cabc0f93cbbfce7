import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { PortTable } from '../../../src/store/port-table.js';
import { applyForwards } from '../../../src/vm/forwards/apply-forwards.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { openStore } from '../../../src/vm/virtual-machine-store.js';
import { Work } from '../../../src/work.js';
import { leftovers } from '../../support/sound-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const HTTP = { host: 18_080, guest: 80 };
const ROW = 'tcp-127.0.0.1-18080';

function rows(layout: StoreLayout): string[] {
  return new PortTable(layout).rows().toSorted();
}

describe('a forward of a stopped instance', () => {
  test('is in its spec, and its port is nobody else’s', async ({ store }) => {
    const { layout, root } = store;
    await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'db', { data: 0 });
    const [web, db] = [await store.get('web'), await store.get('db')];
    await web.forward(HTTP);
    await web.forward({ host: 15_353, guest: 53, address: '0.0.0.0', protocol: 'udp' });
    const common = { instance: 'web', state: 'stopped', blockedBy: null };
    expect(await openStore(root).forwards()).toEqual([
      { ...common, address: '127.0.0.1', hostPort: 18_080, guestPort: 80, protocol: 'tcp' },
      { ...common, address: '0.0.0.0', hostPort: 15_353, guestPort: 53, protocol: 'udp' },
    ]);
    await expect(db.forward({ ...HTTP, guest: 81 })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: '127.0.0.1:18080 is forwarded to "web" already',
      hint: expect.stringContaining('multipass forward web --remove 127.0.0.1:18080') as string,
    });
    await expect(db.forward({ host: 15_353, guest: 53, protocol: 'udp' })).rejects.toMatchObject({
      message: '0.0.0.0:15353/udp is forwarded to "web" already',
    });
    await expect(web.forward({ ...HTTP, guest: 81 })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: '"web" has 127.0.0.1:18080 forwarded to its port 80 already',
    });
    await web.forward(HTTP);
    expect(await db.forwards()).toEqual([]);
    expect(rows(layout)).toEqual([ROW, 'udp-0.0.0.0-15353']);
    await expect(web.unforward({ host: 18_080, guest: 81 })).rejects.toMatchObject({
      code: 'FORWARD_NOT_FOUND',
    });
    await web.unforward({ host: 18_080 });
    await db.forward(HTTP);
    expect(new PortTable(layout).owner(ROW)).toBe(db.spec.uuid);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('tells of the program that has the port now', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const udp = createSocket('udp4').bind(port, '0.0.0.0');
    await once(udp, 'listening');
    const warnings: string[] = [];
    const work = Work.of({ onWarning: (warning) => warnings.push(warning) });
    const web = await store.get('web');
    for (const protocol of ['tcp', 'udp'] as const) {
      await web.forward({ host: port, guest: 80, protocol }, { work });
    }
    server.close();
    udp.close();
    expect(warnings).toEqual([
      expect.stringMatching(
        `^127.0.0.1:${port} is taken by ".+" \\(pid ${process.pid}\\): see to it`,
      ),
      expect.stringMatching(`^127.0.0.1:${port}/udp is taken by ".+" \\(pid ${process.pid}\\)`),
    ]);
  });

  test('stays with the instance through rename and restore, and goes with it', async ({
    store,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const web = await store.get('web');
    await web.snapshot({ name: 'one' });
    await web.forward(HTTP);
    await web.restore('one');
    const site = await web.rename('site');
    expect(await site.forwards()).toMatchObject([{ instance: 'site', hostPort: 18_080 }]);
    await site.delete();
    expect(rows(layout)).toEqual([ROW]);
    await makeInstance(layout, 'db', { data: 0 });
    const db = await store.get('db');
    await expect(db.forward(HTTP)).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    await store.purge();
    expect(rows(layout)).toEqual([]);
    await db.forward(HTTP);
  });

  test('blocks nobody when the folder of its instance was removed by hand', async ({ store }) => {
    const { layout } = store;
    for (const name of ['web', 'db']) await makeInstance(layout, name, { data: 0 });
    await (await store.get('web')).forward(HTTP);
    await rm(layout.instance('web').path, { recursive: true });
    const db = await store.get('db');
    await db.forward(HTTP);
    expect(await db.forwards()).toMatchObject([{ instance: 'db', hostPort: 18_080 }]);
  });

  test('is given back when it is taken off, and is no port that there is not', async ({
    store,
  }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { data: 0 });
    const before = await readFile(dir.spec, 'utf8');
    const web = await store.get('web');
    await web.forward({ host: 20_000, guest: 1 });
    await expect(web.forward({ host: 70_000, guest: 1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(rows(layout)).toHaveLength(1);
    await web.unforward({ host: 20_000 });
    expect(await readFile(dir.spec, 'utf8')).toBe(before);
    expect(rows(layout)).toEqual([]);
  });
});

describe('a clone', () => {
  test('has no forwards of its source, and says so; it gets its own', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const web = await store.get('web');
    await web.forward(HTTP);
    const plan = await web.clone('copy', { dryRun: true });
    expect(plan.warnings).toEqual([
      'the forwards of "web" (18080:80) are not cloned: `--forward` gives a clone its own',
    ]);
    expect(await (await web.clone('copy')).forwards()).toEqual([]);
    const forwards = ['18080+{n}:80', '15353+{n}:53/udp'];
    const copies = await web.cloneMany(2, 'node-{n}', { forwards });
    const ports = (await Promise.all(copies.map((copy) => copy.forwards()))).flat();
    expect(ports.map(({ instance, hostPort }) => `${instance} ${hostPort}`)).toEqual([
      ...['node-1 18081', 'node-1 15354', 'node-2 18082', 'node-2 15355'],
    ]);
    expect(rows(layout)).toHaveLength(5);
  });

  test('is given as an object, too, whose port one clone alone can have', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const web = await store.get('web');
    const forwards = [{ host: 18_090, guest: 53, protocol: 'udp' }, '18090+{n}:80'] as const;
    await expect(web.cloneMany(2, 'node-{n}', { forwards })).rejects.toMatchObject({
      message: '127.0.0.1:18090/udp is to be forwarded twice',
    });
    const [copy] = await web.cloneMany(1, 'node-{n}', { forwards });
    const ports = (await copy?.forwards())?.map(({ hostPort, protocol }) => [hostPort, protocol]);
    expect(ports).toEqual([
      [18_090, 'udp'],
      [18_091, 'tcp'],
    ]);
    await expect(web.clone('no', { forwards: [{ host: 0, guest: 80 }] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('is not made when a port of it is taken, or given twice', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const web = await store.get('web');
    await web.forward({ host: 18_082, guest: 80 });
    for (const dryRun of [true, false] as const) {
      const options = { forwards: ['18080+{n}:80'], dryRun } as { dryRun: false };
      await expect(web.cloneMany(2, 'node-{n}', options)).rejects.toMatchObject({
        code: 'PORT_TAKEN',
        message: '127.0.0.1:18082 is forwarded to "web" already',
      });
    }
    await expect(web.cloneMany(2, 'node-{n}', { forwards: ['18080:80'] })).rejects.toMatchObject({
      message: '127.0.0.1:18080 is to be forwarded twice',
    });
    await expect(web.clone('copy', { forwards: ['18080'] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect((await store.list()).map(({ name }) => name)).toEqual(['web']);
    expect(rows(layout)).toEqual(['tcp-127.0.0.1-18082']);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('made by hand has none once it is adopted', async ({ store }) => {
    const { layout } = store;
    const { path } = await makeInstance(layout, 'web');
    await (await store.get('web')).forward(HTTP);
    await run('cp', ['-a', path, layout.instance('copy').path]);
    const { adoptInstance } = await import('../../../src/vm/adopt-instance.js');
    await adoptInstance({ layout, name: 'copy' });
    expect(readInstance(layout, 'copy').spec.forwards).toEqual([]);
    expect(rows(layout)).toEqual([ROW]);
    await (await store.get('web')).purge();
    expect(rows(layout)).toEqual([]);
  });
});

test('an instance without forwards asks nobody at its start', async ({ store: { layout } }) => {
  await makeInstance(layout, 'web', { data: 0 });
  const reading = readInstance(layout, 'web');
  await applyForwards({ layout, reading, work: Work.of() });
  expect(await leftovers(layout)).toEqual([]);
});
