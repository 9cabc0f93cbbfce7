import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { syncPath, syncTree } from '../../src/files/sync.js';
import { test } from '../support/store-fixture.js';

describe('syncPath', () => {
  test('takes a file and a folder', async ({ root }) => {
    await mkdir(root);
    await writeFile(join(root, 'file'), 'x');
    await syncPath(join(root, 'file'));
    await syncPath(root);
  });

  test('follows no link, to whatever it leads', async ({ root }) => {
    await mkdir(join(root, 'folder'), { recursive: true });
    await writeFile(join(root, 'file'), 'x');
    for (const target of ['file', 'folder', 'nowhere']) {
      const link = join(root, `to-${target}`);
      await symlink(target, link);
      await expect(syncPath(link)).rejects.toMatchObject({ code: 'IO_ERROR' });
    }
  });

  test('tells what is not there', async ({ root }) => {
    await expect(syncPath(join(root, 'nope'))).rejects.toMatchObject({
      details: { path: join(root, 'nope') },
    });
  });
});

test('syncTree passes over links', async ({ root }) => {
  await mkdir(join(root, 'inner'), { recursive: true });
  await symlink('nowhere', join(root, 'inner', 'link'));
  await syncTree(root);
});
