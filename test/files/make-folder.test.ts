import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeFolder } from '../../src/files/make-folder.js';
import { run } from '../../src/process/run.js';
import { canLoopMount, withLoopMount } from '../support/loop-mount.js';
import { test } from '../process/program-fixture.js';

describe('makeFolder', () => {
  test('makes it and its parents, for its owner alone', async ({ folder }) => {
    const path = join(folder, 'a/b');
    expect(await makeFolder(path)).toBe(true);
    for (const made of ['a', 'a/b']) expect(statSync(join(folder, made)).mode & 0o777).toBe(0o700);
    expect(await makeFolder(join(folder, 'c'), { mode: 0o500 })).toBe(true);
    expect(statSync(join(folder, 'c')).mode & 0o777).toBe(0o500);
  });

  test('leaves one that is there, and a link to one', async ({ folder }) => {
    await mkdir(join(folder, 'old'), { mode: 0o755 });
    await symlink('old', join(folder, 'link'));
    expect(await makeFolder(join(folder, 'old'))).toBe(false);
    expect(await makeFolder(join(folder, 'link'))).toBe(false);
    expect(statSync(join(folder, 'old')).mode & 0o777).toBe(0o755);
  });

  test('names the path of a link that leads nowhere, and of what is below', async ({ folder }) => {
    await symlink('none', join(folder, 'link'));
    const path = join(folder, 'link/run');
    await expect(makeFolder(path)).rejects.toMatchObject({ code: 'IO_ERROR', details: { path } });
  });

  test('names the path where a file is in the way', async ({ folder }) => {
    await writeFile(join(folder, 'file'), '');
    const path = join(folder, 'file/run');
    await expect(makeFolder(path)).rejects.toMatchObject({ code: 'IO_ERROR', details: { path } });
  });

  test.runIf(canLoopMount)('says that a file system is read-only', async () => {
    await withLoopMount('ext4', 8, async (folder) => {
      await mkdir(join(folder, 'web'));
      await run('mount', ['-o', 'remount,ro', folder]);
      for (const path of [join(folder, 'web/run'), join(folder, 'new/store'), join(folder, 'x')]) {
        await expect(makeFolder(path, { doing: 'start "web"' })).rejects.toMatchObject({
          code: 'STORE_READ_ONLY',
          message: `cannot start "web": read-only file system ("${path}")`,
          details: { errno: 'EROFS', path },
        });
        expect(existsSync(path)).toBe(false);
      }
      await run('mount', ['-o', 'remount,rw', folder]);
      await chmod(folder, 0o700);
    });
  });
});
