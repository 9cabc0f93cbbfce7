import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { replaceFile } from '../../src/net/replace-file.js';

const test = base.extend<{ folder: string }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
    await use(folder);
    await rm(folder, { recursive: true });
  },
});

describe('replaceFile', () => {
  test('puts a new file in the place of the old one, for its owner alone', async ({ folder }) => {
    const path = join(folder, 'file');
    await writeFile(path, 'a long old text');
    await chmod(path, 0o644);
    const old = await stat(path);
    await replaceFile(path, 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
    const fresh = await stat(path);
    expect(fresh.ino).not.toBe(old.ino);
    expect(fresh.mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('writes over what a killed writer left', async ({ folder }) => {
    await writeFile(join(folder, 'file.new'), 'a long text that was not finis');
    await replaceFile(join(folder, 'file'), 'new');
    expect(await readdir(folder)).toEqual(['file']);
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('new');
  });

  test('leaves the old file when it cannot write', async ({ folder }) => {
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    await mkdir(`${path}.new`);
    await expect(replaceFile(path, 'new')).rejects.toMatchObject({ code: 'IO_ERROR' });
    expect(await readFile(path, 'utf8')).toBe('old');
  });
});
