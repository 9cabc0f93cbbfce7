import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getegid, geteuid } from 'node:process';
import { describe, expect } from 'vitest';
import { readInstance } from '../../src/vm/read-instance.js';
import type { Mount } from '../../src/vm/records/mount.js';
import { makeInstance, test as base } from '../support/store-fixture.js';
import type { CommandResult } from '../support/command.js';
import { multipassInProcess } from '../support/in-process.js';

const test = base.extend<{
  source: string;
  mp: (...args: string[]) => Promise<CommandResult>;
  mounts: () => readonly Mount[];
}>({
  source: async ({ root, store }, use) => {
    const source = join(root, '..', 'my src');
    await mkdir(source);
    await makeInstance(store.layout, 'web');
    await use(source);
  },
  mp: async ({ store }, use) => {
    await use((...args) => multipassInProcess(args, store.layout));
  },
  mounts: async ({ store }, use) => {
    await use(() => readInstance(store.layout, 'web').spec.mounts);
  },
});

const SILENT = { stdout: '', stderr: '', exitCode: 0 };

describe('mount and umount', () => {
  test('put a folder into instances, and take it out', async ({ store, source, mp, mounts }) => {
    await makeInstance(store.layout, 'db');
    expect(await mp('mount', source, 'web', 'db:/srv/data', 'web:code')).toEqual(SILENT);
    expect(mounts().map(({ target }) => target)).toEqual([
      '/home/ubuntu/my src',
      '/home/ubuntu/code',
    ]);
    const ids = {
      uid_mappings: [`${geteuid!()}:default`],
      gid_mappings: [`${getegid!()}:default`],
    };
    const { info } = JSON.parse((await mp('info', 'db', '--format', 'json')).stdout) as {
      info: { db: { mounts: unknown } };
    };
    expect(info.db.mounts).toEqual({ '/srv/data': { ...ids, source_path: source } });
    expect(await mp('umount', 'web:code', 'db')).toEqual(SILENT);
    expect(mounts().map(({ target }) => target)).toEqual(['/home/ubuntu/my src']);
    expect(await mp('unmount', 'web')).toEqual(SILENT);
    expect(mounts()).toEqual([]);
  });

  test('take ~ for the home folder, and a name with nothing behind its colon for all', async ({
    source,
    mp,
    mounts,
  }) => {
    for (const target of ['~/code', '~/a', 'b']) {
      expect(await mp('mount', source, `web:${target}`)).toEqual(SILENT);
    }
    expect(mounts().map(({ target }) => target)).toEqual([
      '/home/ubuntu/code',
      '/home/ubuntu/a',
      '/home/ubuntu/b',
    ]);
    expect(await mp('umount', 'web:~/code')).toEqual(SILENT);
    expect(mounts()).toHaveLength(2);
    expect(await mp('umount', 'web:')).toEqual(SILENT);
    expect(mounts()).toEqual([]);
    expect(await mp('mount', source, 'web:~bob/x')).toMatchObject({ exitCode: 2 });
    expect(mounts()).toEqual([]);
  });

  test('take the type and the id maps', async ({ source, mp, mounts }) => {
    const maps = ['-u', '1:2', '--uid-map', '3:4', '--gid-map=5:6'];
    expect(await mp('mount', ...maps, '--type', 'classic', source, 'web')).toEqual(SILENT);
    expect(mounts()).toEqual([
      {
        source,
        target: '/home/ubuntu/my src',
        type: 'classic',
        uidMappings: [
          { host: 1, guest: 2 },
          { host: 3, guest: 4 },
        ],
        gidMappings: [{ host: 5, guest: 6 }],
      },
    ]);
    const table = (await mp('info', 'web')).stdout;
    expect(table).toContain(`Mounts:         ${source} => /home/ubuntu/my src\n`);
    expect(table).toMatch(/UID map: 1:2, 3:4\n +GID map: 5:6\n/);
    expect(await mp('mount', '-t', 'native', '-u', '7:7', '-g', '7:7', source, 'web:n')).toEqual(
      SILENT,
    );
    expect(mounts()[1]).toMatchObject({ type: 'native', target: '/home/ubuntu/n' });
  });

  test('tell what is wrong in the words of Multipass', async ({ root, source, mp }) => {
    const file = join(root, '..', 'file');
    await writeFile(file, '');
    await mp('mount', source, 'web');
    const cases = [
      [['mount'], 1, 'Not enough arguments given\n'],
      [['mount', source], 1, 'Not enough arguments given\n'],
      [['umount'], 1, 'Not enough arguments given\n'],
      [['mount', '/nope', 'web'], 1, 'Source path "/nope" does not exist\n'],
      [['mount', file, 'web'], 1, `Source path "${file}" is not a directory\n`],
      [['mount', '-t', 'fast', source, 'web'], 1, `'fast'`],
      [['mount', '-u', '1', source, 'web'], 1, 'Invalid UID map given: 1\n'],
      [['mount', '-g', '1:x', source, 'web'], 1, 'Invalid GID map given: 1:x\n'],
      [
        ['mount', source, 'web'],
        2,
        `mount failed: "/home/ubuntu/my src" is already mounted in 'web'\n`,
      ],
      [['mount', source, 'web:/dev'], 2, 'mount failed: unable to mount to "/dev"\n'],
      [['mount', source, 'nope'], 2, 'mount failed: instance "nope" does not exist\n'],
      [
        ['mount', '-t', 'native', '-u', '1:2', '-u', '3:4', source, 'web:n'],
        2,
        'mount failed: Only one mapping per native mount allowed.\n',
      ],
      [['umount', 'web:nope'], 2, `path "/home/ubuntu/nope" is not mounted in 'web'\n`],
      [['umount', 'nope'], 2, 'instance "nope" does not exist\n'],
      [['launch', '--mount', '/nope:x', 'file:///none'], 1, 'Source path "/nope" does not exist\n'],
    ] as const;
    for (const [args, exitCode, words] of cases) {
      const result = await mp(...args);
      expect(result, args.join(' ')).toMatchObject({ stdout: '', exitCode });
      expect(result.stderr).toContain(words);
    }
  });

  test('do nothing where mounts are switched off', async ({ source, mp, mounts }) => {
    await mp('set', 'local.privileged-mounts=false');
    expect(await mp('mount', source, 'web')).toMatchObject({
      stderr: expect.stringContaining('mount failed: Mounts are disabled on') as string,
      exitCode: 2,
    });
    expect(mounts()).toEqual([]);
  });
});
