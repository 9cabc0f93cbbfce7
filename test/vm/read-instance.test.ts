import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, expect } from 'vitest';
import { MultipassError, RecordError } from '../../src/errors.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { recordText } from '../../src/files/record.js';
import { encodePending } from '../../src/vm/records/pending-record.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { ANY_STATE, lookAt } from '../../src/vm/open.js';
import { countSnapshots } from '../../src/vm/read-snapshots.js';
import { takeSnapshot } from '../../src/vm/snapshots/take-snapshot.js';
import { lockInstance } from '../../src/vm/lock-instance.js';
import { isRunning, problemOf, readInstance, requireFolder } from '../../src/vm/read-instance.js';
import { Work } from '../../src/work.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance, specOf } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';
import { pretendToRun } from '../support/pretend-to-run.js';

async function writePid(dir: InstanceDir, text: string): Promise<void> {
  await mkdir(join(dir.path, 'run'), { recursive: true });
  await writeFile(dir.qemuPid, text);
}

describe('readInstance', () => {
  test('tells all of an instance, and writes nothing', async ({ store: { layout } }) => {
    const spec = specOf({ cpus: 3 });
    await makeInstance(layout, 'web', { spec, tags: 1 });
    const before = await hashTree(layout.root);
    const reading = readInstance(layout, 'web');
    expect(reading).toMatchObject({
      name: 'web',
      spec,
      image: { os: 'Ubuntu' },
      state: 'Stopped',
      pending: undefined,
      uncleanEnd: false,
      disk: { virtualSize: 64 * 1024 ** 2, snapshots: [{ name: '@s1' }] },
    });
    expect(await hashTree(layout.root)).toEqual(before);
  });

  test('is Running while the process of its pid file lives', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await pretendToRun(dir);
    expect(readInstance(layout, 'web')).toMatchObject({ state: 'Running', uncleanEnd: false });
    expect(isRunning(dir)).toBe(true);
  });

  const DEAD: Record<string, string> = {
    'another process has its pid now': JSON.stringify({ pid: process.pid, startTime: '1' }),
    'no process has its pid': JSON.stringify({ pid: 2 ** 31 - 1, startTime: '1' }),
    'its pid file is empty': '',
    'its pid file is no record': 'qemu',
    'its pid is absurd': '{"pid": 99999999999, "startTime": "1"}',
  };

  test.for(Object.entries(DEAD))(
    'has ended uncleanly when %s',
    async ([, text], { store: { layout } }) => {
      const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
      await writePid(dir, text);
      expect(readInstance(layout, 'web')).toMatchObject({ state: 'Stopped', uncleanEnd: true });
      expect(isRunning(dir)).toBe(false);
    },
  );

  test('is Suspended with the tag of a suspended guest, unless it is deleted', async ({
    store: { layout },
  }) => {
    await makeInstance(layout, 'a', { seed: null, data: 0, otherTags: ['suspend'] });
    await makeInstance(layout, 'b', {
      seed: null,
      data: 0,
      otherTags: ['suspend'],
      spec: { deleted: true },
    });
    await makeInstance(layout, 'c', { seed: null, data: 0, otherTags: ['suspend2'] });
    expect(['a', 'b', 'c'].map((name) => readInstance(layout, name).state)).toEqual([
      'Suspended',
      'Deleted',
      'Stopped',
    ]);
  });

  test('shows the spec as it will be when an operation is pending', async ({
    store: { layout },
  }) => {
    const spec = specOf();
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0, spec });
    const pending = {
      step: { operation: 'resize', size: 2 ** 27 },
      spec: { ...spec, disk: 2 ** 27 },
      snapshots: new Map(),
    } as const;
    await writeFile(dir.pending, recordText(encodePending(pending)));
    expect(readInstance(layout, 'web')).toMatchObject({ spec: { disk: 2 ** 27 }, pending });
    expect(await readFile(dir.spec, 'utf8')).toContain(String(spec.disk));
  });

  test.for(['missing', 'empty', '../web', 'a/b', '', 'bad_name', '.', 'we\0b'])(
    'does not find %j',
    async (name, { store: { layout } }) => {
      await makeInstance(layout, 'web', { seed: null, data: 0 });
      await mkdir(layout.instance('empty').path);
      await mkdir(layout.instance('bad_name').path);
      await writeFile(join(layout.instance('bad_name').path, 'spec.json'), '{}');
      expect(() => readInstance(layout, name)).toThrow(
        expect.objectContaining({ code: 'INSTANCE_NOT_FOUND', details: { name } }) as Error,
      );
    },
  );
});

describe('readInstance while another process renames', () => {
  test('finds the instance or finds none, and never takes it for Broken', async ({
    store: { layout },
    start,
  }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    const renamer = start('rename', ['1', 'web']);
    await renamer.next();
    const found = { there: 0, gone: 0 };
    for (let round = 0; round < 5000; round += 1) {
      try {
        readInstance(layout, 'web');
        found.there += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
        found.gone += 1;
      }
    }
    expect(Math.min(found.there, found.gone)).toBeGreaterThan(0);
    renamer.go();
  });
});

describe('problemOf', () => {
  test('shows the path from the root of the store, and the place', ({ store: { layout } }) => {
    const dir = layout.instance('web');
    const error = new RecordError({ path: dir.spec, at: '/cpus' }, 'expected more');
    expect(problemOf(error, layout, dir)).toEqual({
      path: 'instances/web/spec.json',
      at: '/cpus',
      message: error.message,
      hint: error.hint,
    });
    const bare = new MultipassError('SEVERAL', 'a bad sector');
    expect(problemOf(bare, layout, dir)).toEqual({
      path: 'instances/web',
      at: '',
      message: 'a bad sector',
      hint: 'Look at the file; nothing was changed.',
    });
  });

  test('hides no bug of ours', ({ store: { layout } }) => {
    const bug = new TypeError('undefined is no function');
    expect(() => problemOf(bug, layout, layout.instance('web'))).toThrow(bug);
  });
});

describe('a folder inside of an instance', () => {
  const INNER = ['run', 'snapshots'] as const;
  const WRONG: Record<string, (path: string, outside: string) => Promise<void>> = {
    'a link to a folder outside': (path, outside) => symlink(outside, path),
    'a relative link': (path, outside) => symlink(relative(dirname(path), outside), path),
    'a link to nothing': (path, outside) => symlink(join(outside, 'nothing'), path),
    'a file': (path) => writeFile(path, ''),
  };
  const cases = INNER.flatMap((inner) =>
    Object.entries(WRONG).map(([what, make]) => [inner, what, make] as const),
  );
  test.for(cases)(
    'makes it Broken when "%s" is %s, and nothing is written there',
    async ([inner, , make], { store }) => {
      const { layout } = store;
      const spec = specOf({ snapshotHead: 1 });
      const dir = await makeInstance(layout, 'web', { seed: null, data: 0, spec, tags: 1 });
      const outside = join(layout.root, 'outside');
      await mkdir(outside);
      await make(dir.file(inner), outside);
      const broken = { code: 'INSTANCE_BROKEN', details: { path: dir.file(inner) } };
      expect(() => lookAt(layout, 'web', { for: 'start', states: ANY_STATE })).toThrow(
        expect.objectContaining(broken) as Error,
      );
      const [view] = await listInstances(layout);
      expect(view).toMatchObject({ state: 'Broken', problem: { path: `instances/web/${inner}` } });
      await expect(takeSnapshot({ layout, name: 'web' })).rejects.toMatchObject(broken);
      expect(await readdir(outside)).toEqual([]);
    },
  );

  test('is looked at before anything is written, also when no snapshot was taken', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await symlink(layout.root, dir.snapshots);
    await expect(takeSnapshot({ layout, name: 'web' })).rejects.toMatchObject({
      code: 'INSTANCE_BROKEN',
    });
    expect(() => countSnapshots(dir)).toThrow(MultipassError);
  });
});

describe('a link in the place of', () => {
  const broken = { code: 'INSTANCE_BROKEN' };

  test('an instance’s folder is not followed, and no lock is put through it', async ({
    root,
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const elsewhere = join(dirname(root), `elsewhere-of-${process.pid}`);
    await rename(dir.path, elsewhere);
    try {
      await symlink(elsewhere, dir.path);
      const before = await hashTree(elsewhere);
      expect(() => readInstance(layout, 'web')).toThrow(expect.objectContaining(broken) as Error);
      expect(() => requireFolder(dir)).toThrow(expect.objectContaining(broken) as Error);
      await expect(
        lockInstance(layout, 'web', { for: 'clone', mode: 'exclusive', work: Work.of() }),
      ).rejects.toMatchObject(broken);
      expect(await hashTree(elsewhere)).toEqual(before);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  test('its disk is not followed, to a disk that is sound either', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const other = await makeInstance(layout, 'other', { seed: null, data: 0 });
    await rm(dir.disk);
    await symlink(other.disk, dir.disk);
    expect(() => readInstance(layout, 'web')).toThrow(
      expect.objectContaining({ ...broken, details: { path: dir.disk } }) as Error,
    );
  });
});
