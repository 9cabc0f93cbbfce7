import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { readSmallFileIfAny } from '../../src/files/record.js';
import type { BrokenInstanceView, InstanceView } from '../../src/vm/views.js';
import { listInstances, viewInstance } from '../../src/vm/list-instances.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance } from '../support/store-fixture.js';
import { test as base } from '../support/worker-fixture.js';

function states(views: readonly InstanceView[]): Record<string, string> {
  return Object.fromEntries(views.map(({ name, state }) => [name, state]));
}

/** What is done to an instance, and what `list` then says of it. */
interface Breakage {
  readonly spoil: (dir: InstanceDir) => Promise<unknown>;
  readonly path: string;
  readonly at?: string;
  readonly message: RegExp;
}

async function editSpec(dir: InstanceDir, edit: (spec: object) => object): Promise<void> {
  const spec = JSON.parse(readSmallFileIfAny(dir.spec) ?? '') as object;
  await writeFile(dir.spec, JSON.stringify(edit(spec)));
}

async function replaceByLink(path: string): Promise<void> {
  await rename(path, join(path, '../../../moved'));
  await symlink('../../moved', path);
}

const SPEC = 'instances/bad/spec.json';
const DISK = 'instances/bad/disk.qcow2';

const BREAKAGES: Record<string, Breakage> = {
  'a truncated spec': {
    spoil: (dir) => truncate(dir.spec, 100),
    path: SPEC,
    message: /not valid JSON/,
  },
  'an empty spec, as after a power cut': {
    spoil: (dir) => truncate(dir.spec, 0),
    path: SPEC,
    message: /the file is empty/,
  },
  'no spec': { spoil: (dir) => rm(dir.spec), path: SPEC, message: /is missing$/ },
  'a wrong type in its spec': {
    spoil: (dir) => editSpec(dir, (spec) => ({ ...spec, cpus: 'two' })),
    path: SPEC,
    at: '/cpus',
    message: /at \/cpus: expected a whole number/,
  },
  'a wrong MAC in its spec': {
    spoil: (dir) => editSpec(dir, (spec) => ({ ...spec, interfaces: [{ mac: 'x', auto: true }] })),
    path: SPEC,
    at: '/interfaces/0/mac',
    message: /Invalid MAC address/,
  },
  'a FIFO for a spec': {
    spoil: async (dir) => {
      await rm(dir.spec);
      await run('mkfifo', [dir.spec]);
    },
    path: SPEC,
    message: /not a regular file/,
  },
  'a folder for a spec': {
    spoil: async (dir) => {
      await rm(dir.spec);
      await mkdir(dir.spec);
    },
    path: SPEC,
    message: /not a regular file/,
  },
  'a link for a spec': {
    spoil: (dir) => replaceByLink(dir.spec),
    path: SPEC,
    message: /is a symbolic link/,
  },
  'a spec of 5 MiB': {
    spoil: (dir) => appendFile(dir.spec, ' '.repeat(5 * 1024 * 1024)),
    path: SPEC,
    message: /larger than/,
  },
  'no image record': {
    spoil: (dir) => rm(dir.imageRecord),
    path: 'instances/bad/image-record.json',
    message: /is missing$/,
  },
  'a bad image record': {
    spoil: (dir) => writeFile(dir.imageRecord, '{"id":1}'),
    path: 'instances/bad/image-record.json',
    at: '/id',
    message: /expected a string, found 1/,
  },
  'an unfinished operation that cannot be read': {
    spoil: (dir) => writeFile(dir.pending, '{"operation":"format","records":{}}'),
    path: 'instances/bad/pending.json',
    at: '/operation',
    message: /expected one of .*snapshot/,
  },
  'no disk': { spoil: (dir) => rm(dir.disk), path: DISK, message: /is missing$/ },
  'a link for a disk': {
    spoil: (dir) => replaceByLink(dir.disk),
    path: DISK,
    message: /is not a regular file/,
  },
  'a folder for a disk': {
    spoil: async (dir) => {
      await rm(dir.disk);
      await mkdir(dir.disk);
    },
    path: DISK,
    message: /is not a regular file/,
  },
  'a disk that is no qcow2': {
    spoil: (dir) => writeFile(dir.disk, 'no disk'),
    path: DISK,
    message: /is not a qcow2 image/,
  },
  'an empty disk': {
    spoil: (dir) => truncate(dir.disk, 0),
    path: DISK,
    message: /is not a qcow2 image/,
  },
  'a folder where its pid should be': {
    spoil: (dir) => mkdir(dir.qemuPid, { recursive: true }),
    path: 'instances/bad/run/qemu.pid',
    message: /not a regular file/,
  },
  'a link to a good instance for a folder': {
    spoil: async (dir) => {
      await rm(dir.path, { recursive: true });
      await symlink('good-1', dir.path);
    },
    path: 'instances/bad',
    message: /is not a folder of its own/,
  },
  'a link to nothing for a folder': {
    spoil: async (dir) => {
      await rm(dir.path, { recursive: true });
      await symlink('nothing', dir.path);
    },
    path: 'instances/bad',
    message: /is not a folder of its own/,
  },
  'a stray file for a folder': {
    spoil: async (dir) => {
      await rm(dir.path, { recursive: true });
      await writeFile(dir.path, 'stray');
    },
    path: 'instances/bad',
    message: /is not a folder of its own/,
  },
  'a folder in it and nothing else': {
    spoil: async (dir) => {
      await rm(dir.path, { recursive: true });
      await mkdir(join(dir.path, 'run'), { recursive: true });
    },
    path: SPEC,
    message: /is missing$/,
  },
};

/** A store with two good instances and `bad`, which each test may spoil in a copy of its own. */
const test = base
  .extend<{ template: string }>({
    template: [
      // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
      async ({}, use) => {
        const root = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
        const layout = new StoreLayout(root);
        await initialiseStore(layout);
        await makeInstance(layout, 'good-1', { seed: null });
        await makeInstance(layout, 'good-2', { seed: null, data: 0, spec: { deleted: true } });
        await makeInstance(layout, 'bad', { seed: null, data: 0 });
        await use(root);
        await rm(root, { recursive: true });
      },
      { scope: 'file' },
    ],
  })
  .extend<{ three: StoreLayout; bad: InstanceDir }>({
    three: async ({ root, template }, use) => {
      await run('cp', ['-a', '--', template, root]);
      await use(new StoreLayout(root));
    },
    bad: ({ three }, use) => use(three.instance('bad')),
  });

describe('listInstances', () => {
  test('lists every instance, sorted by name, with the state that its files tell', async ({
    store: { layout },
  }) => {
    await makeInstance(layout, 'b', { seed: null, data: 0 });
    await makeInstance(layout, 'a', { seed: null, data: 0, otherTags: ['suspend'] });
    await makeInstance(layout, 'C', { seed: null, data: 0, spec: { deleted: true } });
    await mkdir(layout.instance('empty').path);
    await writeFile(join(layout.instances, '.DS_Store'), '');
    const views = await listInstances(layout);
    expect(views.map(({ name }) => name)).toEqual(['C', 'a', 'b']);
    expect(states(views)).toEqual({ C: 'Deleted', a: 'Suspended', b: 'Stopped' });
    expect(() => viewInstance(layout, 'empty')).toThrow(
      expect.objectContaining({ code: 'INSTANCE_NOT_FOUND' }) as Error,
    );
  });

  test.for(Object.entries(BREAKAGES))(
    'shows one with %s as Broken, hides no other, and changes nothing',
    async ([, { spoil, path, at = '', message }], { three: layout, bad: dir }) => {
      await spoil(dir);
      const before = await hashTree(layout.root);

      const views = await listInstances(layout);

      expect(states(views)).toEqual({ bad: 'Broken', 'good-1': 'Stopped', 'good-2': 'Deleted' });
      const [bad] = views as [BrokenInstanceView];
      expect(bad).toEqual({
        name: 'bad',
        state: 'Broken',
        problem: {
          path,
          at,
          message: expect.stringMatching(message) as string,
          hint: expect.stringMatching(/^[A-Z].+\.$/) as string,
        },
      });
      expect(viewInstance(layout, 'bad')).toEqual(bad);
      expect(await hashTree(layout.root)).toEqual(before);
    },
  );

  test.for(['-rf', 'bad_name', 'a b', 'x'.repeat(64), 'näme', 'new\nline', '1', 'web.old'])(
    'shows a folder called %j as Broken',
    async (name, { three: layout, bad }) => {
      await rename(bad.path, layout.instance(name).path);
      const views = await listInstances(layout);
      expect(views).toHaveLength(3);
      expect(views.filter((view) => view.state === 'Broken')).toEqual([
        {
          name,
          state: 'Broken',
          problem: {
            path: `instances/${name}`,
            at: '',
            message: `${JSON.stringify(name)} is no name that an instance can have`,
            hint: expect.stringContaining('Rename the folder') as string,
          },
        },
      ]);
    },
  );

  test('takes an empty folder for nothing, whatever it is called', async ({
    store: { layout },
  }) => {
    await mkdir(join(layout.instances, 'lost+found'));
    expect(await listInstances(layout)).toEqual([]);
  });

  test('lists the copy of a folder, made by hand, as one', async ({ store: { layout } }) => {
    const { path } = await makeInstance(layout, 'a', { seed: null, data: 0 });
    await run('cp', ['-a', path, layout.instance('b').path]);
    expect(states(await listInstances(layout))).toEqual({ a: 'Stopped', b: 'Broken' });
  });

  test('lists each instance once while another process renames them', async ({
    store: { layout },
    start,
  }) => {
    const still = ['e', 'f', 'g', 'h'];
    const moving = ['a', 'b', 'c', 'd'];
    const uuids = new Set<string>();
    for (const name of [...moving, ...still]) {
      const dir = await makeInstance(layout, name, { seed: null, data: 0 });
      uuids.add((JSON.parse(readSmallFileIfAny(dir.spec) ?? '') as { uuid: string }).uuid);
    }
    const renamer = start('rename', ['2', ...moving]);
    await renamer.next();
    for (let round = 0; round < 300; round += 1) {
      const views = await listInstances(layout);
      const seen = views.map((view) => (view.state === 'Broken' ? view.problem : view.spec.uuid));
      expect(seen).toHaveLength(uuids.size);
      expect(new Set(seen)).toEqual(uuids);
      const names = views.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(still));
      await new Promise(setImmediate);
    }
    renamer.go();
  });

  test('shows an instance that may not be read as Broken, and a store as forbidden', async ({
    root,
    three: layout,
    bad,
    start,
  }) => {
    await run('chmod', ['-R', 'a+rX', join(root, '..')]);
    const list = (): Promise<unknown> => start('list').next();
    const views = [
      ['bad', 'Broken'],
      ['good-1', 'Stopped'],
      ['good-2', 'Deleted'],
    ];
    await chmod(bad.path, 0o000);
    expect(await list()).toEqual(views);
    // Its files can be reached by name, and one is missing, but it cannot be listed.
    await chmod(bad.path, 0o700);
    await rm(bad.imageRecord);
    await chmod(bad.path, 0o111);
    expect(await list()).toEqual(views);
    await chmod(bad.path, 0o700);

    await chmod(layout.instances, 0o000);
    await expect(list()).rejects.toThrow('not permitted to list the instances');
    await chmod(layout.instances, 0o700);
  });
});
