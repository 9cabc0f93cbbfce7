import {
  access,
  appendFile,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { startTimeOf } from '../../src/process/start-time.js';
import { StagedInstance } from '../../src/store/staging.js';
import { recordText } from '../../src/files/record.js';
import {
  deleteInstance,
  purgeDeletedInstance,
  purgeInstance,
  recoverInstance,
} from '../../src/vm/delete-instance.js';
import { encodePending } from '../../src/vm/records/pending-record.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { publishStaged } from '../support/publish-staged.js';
import { hashTree } from '../support/hash-tree.js';
import { noteOf, pretendToRun, workIn } from '../support/pretend-to-run.js';
import { lockIsTried } from '../support/lock-attempt.js';
import { makeInstance, specOf } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

const COMMANDS = {
  delete: deleteInstance,
  recover: recoverInstance,
  purge: purgeInstance,
  'purge of the deleted': purgeDeletedInstance,
};

async function isFreeRow(layout: StoreLayout, hex: string): Promise<boolean> {
  const staged = await StagedInstance.create(layout, randomUUID(), null);
  const isFree = await staged.claimMac(hex);
  await staged.discard();
  return isFree;
}

/** What has changed in a folder, by relative path. */
async function changes(folder: string, action: () => Promise<unknown>): Promise<string[]> {
  const before = await hashTree(folder);
  await action();
  const after = await hashTree(folder);
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]);
}

describe('deleteInstance', () => {
  test('marks the spec and changes nothing else, and recover takes the mark away', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { tags: 1 });
    await writeFile(dir.file('notes.txt'), 'of the user');
    const spec = JSON.parse(await readFile(dir.spec, 'utf8')) as Record<string, unknown>;
    await writeFile(dir.spec, recordText({ ...spec, later: { x: [1] } }));
    const [hex] = await readdir(layout.macs);

    expect(await changes(layout.root, () => deleteInstance(layout, 'web'))).toEqual([
      'instances/web/spec.json',
    ]);
    expect(readInstance(layout, 'web').state).toBe('Deleted');
    expect(await isFreeRow(layout, hex!)).toBe(false);
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    await writeFile(staged.spec, '{}');
    await expect(publishStaged(staged, 'web')).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await staged.discard();

    await recoverInstance(layout, 'web');
    expect(readInstance(layout, 'web').state).toBe('Stopped');
    expect(JSON.parse(await readFile(dir.spec, 'utf8'))).toEqual({ ...spec, later: { x: [1] } });
  });

  test('writes nothing when it is so already', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    expect(await changes(layout.root, () => recoverInstance(layout, 'web'))).toEqual([]);
    await deleteInstance(layout, 'web');
    expect(await changes(layout.root, () => deleteInstance(layout, 'web'))).toEqual([]);
  });

  test('finishes a pending operation first', async ({ store: { layout } }) => {
    const spec = specOf();
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0, spec });
    const pending = {
      step: { operation: 'resize', size: 2 ** 27 },
      spec: { ...spec, disk: 2 ** 27 },
      snapshots: new Map(),
    } as const;
    await writeFile(dir.pending, recordText(encodePending(pending)));
    await deleteInstance(layout, 'web');
    expect(readInstance(layout, 'web')).toMatchObject({
      state: 'Deleted',
      pending: undefined,
      spec: { disk: 2 ** 27, deleted: true },
      disk: { virtualSize: 2 ** 27 },
    });
  });
});

describe('purgeInstance', () => {
  test('removes everything of it, frees its name and its MACs, and nothing of another', async ({
    store: { layout },
  }) => {
    await makeInstance(layout, 'other');
    const before = await hashTree(layout.root);
    const dir = await makeInstance(layout, 'web', { tags: 1, thin: true });
    await mkdir(dir.snapshots);
    const interfaces = [{ mac: '52:54:00:aa:bb:cc', network: null, auto: true }];
    await writeFile(join(dir.snapshots, '0001.json'), JSON.stringify({ interfaces }));
    const { uuid } = readInstance(layout, 'web').spec;
    await writeFile(layout.macRow('525400aabbcc'), `${uuid}\n`);

    await purgeInstance(layout, 'web');

    expect(await hashTree(layout.root)).toEqual(before);
    expect(await isFreeRow(layout, '525400aabbcc')).toBe(true);
    await makeInstance(layout, 'web');
    expect(readInstance(layout, 'web').state).toBe('Stopped');
  });

  test('keeps a row that another instance holds by now', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    const [hex] = await readdir(layout.macs);
    await writeFile(layout.macRow(hex!), `${randomUUID()}\n`);
    await purgeInstance(layout, 'web');
    expect(await readdir(layout.macs)).toEqual([hex]);
  });

  const BROKEN: Record<string, (dir: InstanceDir) => Promise<unknown>> = {
    'a truncated spec': (dir) => writeFile(dir.spec, '{'),
    'no spec': (dir) => rm(dir.spec),
    'no disk': (dir) => rm(dir.disk),
    'no lock file': (dir) => rm(dir.lock),
    'an unfinished operation that cannot be read': (dir) => writeFile(dir.pending, '{}'),
    'a folder where its pid should be': (dir) => mkdir(dir.qemuPid, { recursive: true }),
    'a file where its run should be': (dir) => writeFile(dir.file('run'), ''),
    'snapshots that are no folder': (dir) => writeFile(dir.snapshots, ''),
  };

  test.for(Object.entries(BROKEN))(
    'removes a Broken one with %s',
    async ([, spoil], { store: { layout } }) => {
      await spoil(await makeInstance(layout, 'web', { seed: null, data: 0 }));
      await purgeInstance(layout, 'web');
      expect(await readdir(layout.instances)).toEqual([]);
      expect(await readdir(layout.trash)).toEqual([]);
    },
  );

  test('removes a link, not what it leads to, nor its MACs', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web');
    const before = await hashTree(layout.root);
    await symlink('web', layout.instance('link').path);
    await purgeInstance(layout, 'link');
    expect(await hashTree(layout.root)).toEqual(before);
  });

  test('removes a stray file, and a folder with a strange name', async ({ store: { layout } }) => {
    const before = await hashTree(layout.root);
    await writeFile(join(layout.instances, 'stray'), '');
    await mkdir(join(layout.instances, 'bad_name', 'run'), { recursive: true });
    await purgeInstance(layout, 'stray');
    await purgeInstance(layout, 'bad_name');
    expect(await hashTree(layout.root)).toEqual(before);
  });
});

describe('purgeDeletedInstance', () => {
  test('removes a deleted one, and leaves one that was recovered meanwhile', async ({
    store: { layout },
  }) => {
    await makeInstance(layout, 'gone', { seed: null, data: 0, spec: { deleted: true } });
    await makeInstance(layout, 'kept', { seed: null, data: 0 });
    await purgeDeletedInstance(layout, 'gone');
    await purgeDeletedInstance(layout, 'kept');
    expect(await readdir(layout.instances)).toEqual(['kept']);
  });

  test('leaves one that is recovered while it waits for the lock', async ({
    store: { layout },
    start,
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0, spec: { deleted: true } });
    const holder = start('lock', ['web']);
    await holder.next();
    const purging = purgeDeletedInstance(layout, 'web');
    await lockIsTried(dir.lock, { attempt: purging });
    const spec = await readFile(dir.spec, 'utf8');
    await writeFile(dir.spec, spec.replace('"deleted": true', '"deleted": false'));
    holder.go();
    await purging;
    expect(readInstance(layout, 'web').state).toBe('Stopped');
  });
});

describe('each of them', () => {
  test.for(['recover', 'purge of the deleted'] as const)(
    'refuses to %s a running one',
    async (name, { store: { layout } }) => {
      const command = COMMANDS[name];
      const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
      await pretendToRun(dir);
      const changed = await changes(layout.root, () =>
        expect(command(layout, 'web')).rejects.toMatchObject({
          code: 'INSTANCE_NOT_STOPPED',
          message: expect.stringMatching(/^cannot \w+ "web" while it is running$/) as string,
        }),
      );
      expect(changed).toEqual([]);
    },
  );

  test('believe no pid file that names a process at work elsewhere, and leave that process alone', async ({
    root,
    store: { layout },
  }) => {
    const elsewhere = await workIn(root);
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await mkdir(dir.run);
    await writeFile(dir.qemuPid, noteOf(elsewhere));
    await purgeInstance(layout, 'web');
    expect(await readdir(layout.instances)).toEqual([]);
    expect(startTimeOf(String(elsewhere))).toMatch(/^\d+$/);
  });

  test.for(Object.entries(COMMANDS))(
    'does not find to %s what is not there',
    async ([, command], { store: { layout } }) => {
      await makeInstance(layout, 'web', { seed: null, data: 0 });
      await mkdir(layout.instance('empty').path);
      const changed = await changes(layout.root, async () => {
        for (const name of ['missing', 'empty', '../web', '..', '.', '', '/etc', 'we\0b']) {
          await expect(command(layout, name)).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
        }
      });
      expect(changed).toEqual([]);
    },
  );

  test.for([deleteInstance, recoverInstance, purgeDeletedInstance])(
    'leaves a Broken one as it is, and says why',
    async (command, { store: { layout } }) => {
      const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
      await appendFile(dir.spec, '}');
      const changed = await changes(layout.root, () =>
        expect(command(layout, 'web')).rejects.toMatchObject({
          code: 'RECORD_INVALID',
          fault: { path: dir.spec, at: '' },
        }),
      );
      expect(changed).toEqual([]);
    },
  );

  test.for(Object.entries(COMMANDS))(
    'leaves waiting to %s when it is told to',
    async ([, command], { store: { layout }, start }) => {
      const dir = await makeInstance(layout, 'web', {
        seed: null,
        data: 0,
        spec: { deleted: true },
      });
      await start('lock', ['web']).next();
      const signal = AbortSignal.timeout(300);
      await expect(command(layout, 'web', { work: { signal } })).rejects.toMatchObject({
        code: 'ABORTED',
      });
      await expect(access(dir.spec)).resolves.toBeUndefined();
    },
  );
});
