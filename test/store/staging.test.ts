import { randomUUID } from 'node:crypto';
import { access, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { MultipassError } from '../../src/errors.js';
import { claimOf } from '../../src/store/claim.js';
import { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { MacTable } from '../../src/store/mac-table.js';
import { isBeingPrepared, StagedInstance } from '../../src/store/staging.js';
import { publishStaged } from '../support/publish-staged.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

const FILES = ['disk.qcow2', 'image-record.json', 'spec.json'];

async function stage(layout: StoreLayout, uuid: string = randomUUID()): Promise<StagedInstance> {
  const staged = await StagedInstance.create(layout, uuid, 'web');
  await staged.claimMac('5254000000aa');
  for (const file of FILES) await writeFile(staged.file(file), `the ${file}`);
  await mkdir(staged.snapshots);
  await writeFile(join(staged.snapshots, '0001.json'), 'a snapshot');
  return staged;
}

const TREE = [...FILES, 'snapshots', 'snapshots/0001.json'].sort();

describe('StagedInstance.publish', () => {
  test('makes the whole folder visible under the name, without what it had claimed', async ({
    store: { layout },
  }) => {
    const staged = await stage(layout);
    const published = await publishStaged(staged, 'web');
    expect(published.path).toBe(layout.instance('web').path);
    expect(Object.keys(await hashTree(published.path)).sort()).toEqual(TREE);
    expect(await readFile(published.spec, 'utf8')).toBe('the spec.json');
    expect(await readdir(layout.staging)).toEqual([]);
    expect(new MacTable(layout).owner('5254000000aa')).toBe(staged.uuid);
  });

  test('replaces an empty folder of that name', async ({ store: { layout } }) => {
    await mkdir(layout.instance('web').path);
    const published = await publishStaged(await stage(layout), 'web');
    expect(Object.keys(await hashTree(published.path)).sort()).toEqual(TREE);
  });

  const TAKEN: Record<string, (path: string) => Promise<void>> = {
    'a folder with something in it': async (path) => {
      await mkdir(path);
      await writeFile(join(path, 'note'), 'of the user');
    },
    'a folder with an empty folder in it': async (path) => {
      await mkdir(join(path, 'run'), { recursive: true });
    },
    'a file': (path) => writeFile(path, 'a stray file'),
    'an empty file': (path) => writeFile(path, ''),
    'a link to an empty folder': (path) => symlink('../images', path),
    'a link to nothing': (path) => symlink('nothing', path),
  };

  test.for(Object.entries(TAKEN))(
    'keeps %s, and what is staged',
    async ([, occupy], { store: { layout } }) => {
      const staged = await stage(layout);
      await occupy(layout.instance('web').path);
      const before = await hashTree(layout.instances);

      await expect(publishStaged(staged, 'web')).rejects.toMatchObject({
        code: 'NAME_TAKEN',
        message: 'instance "web" already exists',
        details: { name: 'web' },
      });
      expect(await hashTree(layout.instances)).toEqual(before);

      const published = await publishStaged(staged, 'web-2');
      expect(Object.keys(await hashTree(published.path)).sort()).toEqual(TREE);
      expect(await readdir(layout.images)).toEqual([]);
    },
  );

  test('never shows a reader an instance without all its files', async ({
    store: { layout },
    start,
  }) => {
    await makeInstance(layout, 'source', { seed: null, data: 0 });
    const publishers = ['a', 'b'].map((prefix) => start('publish', ['source', prefix, '40']));
    const done = Promise.all(publishers.map((publisher) => publisher.next()));
    const whole = new Set(['source']);
    const isDone = (): Promise<boolean> =>
      Promise.race([done.then(() => true), setImmediate(false)]);

    for (let last = false; !last || whole.size < 81;) {
      last = await isDone();
      for (const name of await readdir(layout.instances)) {
        // What is missing at the first sight of it will be noticed, however quickly it comes.
        if (whole.has(name)) continue;
        const dir = layout.instance(name);
        expect(await readdir(dir.path)).toEqual(FILES);
        expect(JSON.parse(await readFile(dir.spec, 'utf8'))).toHaveProperty('uuid');
        expect((await lstat(dir.disk)).size).toBeGreaterThan(0);
        whole.add(name);
      }
    }
    expect(whole).toHaveProperty('size', 81);
  });

  test('lets one alone have a name that several processes publish under', async ({
    store: { layout },
    start,
  }) => {
    await makeInstance(layout, 'source', { seed: null, data: 0 });
    const rivals = Array.from({ length: 4 }, () => start('publish', ['source', 'same', '1']));
    const outcomes = await Promise.allSettled(rivals.map((rival) => rival.next()));
    const reasons = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? String(outcome.reason) : 'published',
    );
    expect(reasons.filter((reason) => reason === 'published')).toHaveLength(1);
    expect(reasons.filter((reason) => reason.includes('already exists'))).toHaveLength(3);
    expect(await readdir(layout.instances)).toEqual(['same0', 'source']);
  });
});

describe('StagedInstance', () => {
  test('is for the owner alone, whatever the umask', async ({ store: { layout } }) => {
    const before = process.umask(0);
    try {
      const staged = await StagedInstance.create(layout, randomUUID(), 'web');
      await staged.claimMac('525400000001');
      await staged.claimMac('525400000002');
      const tree = Object.values(await hashTree(layout.staging));
      expect(tree.map((entry) => entry.replace(/^(folder \d+|\d+).*/, '$1')).sort()).toEqual(
        ['folder 700', 'folder 700', '600', '600', '600', '600'].sort(),
      );
      expect((await lstat(layout.macRow('525400000001'))).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  test('gives back what it claimed, and nothing else, when it is discarded', async ({
    store: { layout },
  }) => {
    const macs = new MacTable(layout);
    const other = await stage(layout);
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    expect(await staged.claimMac('5254000000aa')).toBe(false);
    expect(await staged.claimMac('5254000000bb')).toBe(true);

    await staged.discard();

    expect(macs.owner('5254000000bb')).toBeUndefined();
    expect(macs.owner('5254000000aa')).toBe(other.uuid);
    expect(await readdir(layout.staging)).toEqual([other.token]);
  });

  test('notes each row before it claims it, so that a sweeper can give it back', async ({
    store: { layout },
  }) => {
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    expect(await claimOf(staged)).toEqual({ uuid: staged.uuid, rows: [], ports: [] });
    await stage(layout);
    await staged.claimMac('5254000000aa');
    await staged.claimMac('5254000000bb');
    const claim = await claimOf(staged);
    expect({ ...claim, rows: claim?.rows.sort() }).toEqual({
      uuid: staged.uuid,
      rows: ['5254000000aa', '5254000000bb'],
      ports: [],
    });
    expect(await claimOf(layout.instance('web'))).toBeUndefined();
  });

  test('claims a missing row for another instance, which keeps it after a discard', async ({
    store: { layout },
  }) => {
    const macs = new MacTable(layout);
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    const neighbour = randomUUID();
    expect(await staged.claimMac('5254000000cc', { uuid: neighbour, inode: '7' })).toBe(true);
    expect(await staged.claimMac('5254000000cc', { uuid: randomUUID(), inode: '8' })).toBe(false);
    expect(macs.owner('5254000000cc')).toBe(neighbour);
    await staged.discard();
    expect(macs.owner('5254000000cc')).toBe(neighbour);
  });

  test('says what is wrong when there is no staging folder', async ({ store: { layout } }) => {
    await rm(layout.staging, { recursive: true });
    const making = StagedInstance.create(layout, randomUUID(), 'web');
    await expect(making).rejects.toBeInstanceOf(MultipassError);
    await expect(making).rejects.toMatchObject({ code: 'IO_ERROR' });
  });
});

describe('isBeingPrepared', () => {
  test('is true while a living process makes an instance of that name', async ({
    store: { layout },
    start,
  }) => {
    const maker = start('stage', ['web']);
    const token = String(await maker.next());
    expect(await isBeingPrepared(layout, 'web')).toBe(true);
    expect(await isBeingPrepared(layout, 'we')).toBe(false);
    await maker.kill();
    expect(await isBeingPrepared(layout, 'web')).toBe(false);
    await expect(access(new InstanceDir(layout.staged(token)).claim)).resolves.toBeUndefined();
  });
});
