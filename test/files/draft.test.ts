import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base } from 'vitest';
import {
  createFile,
  isOccupied,
  moveDurably,
  replaceFile,
  withDraftFolder,
} from '../../src/files/draft.js';

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
    await writeFile(join(folder, 'file.new'), 'a long text that was not finis', { mode: 0o644 });
    await replaceFile(join(folder, 'file'), 'new');
    expect(await readdir(folder)).toEqual(['file']);
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('new');
    expect((await stat(join(folder, 'file'))).mode & 0o777).toBe(0o600);
  });

  test('leaves the old file when it cannot write', async ({ folder }) => {
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    await mkdir(`${path}.new`);
    await expect(replaceFile(path, 'new')).rejects.toMatchObject({ code: 'IO_ERROR' });
    expect(await readFile(path, 'utf8')).toBe('old');
  });

  test('makes it where it is told to, of bytes too', async ({ folder }) => {
    await mkdir(join(folder, 'staging'));
    const draft = join(folder, 'staging/token');
    await replaceFile(join(folder, 'file'), Buffer.from([0, 255]), { draft });
    expect(await readFile(join(folder, 'file'))).toEqual(Buffer.from([0, 255]));
    expect(await readdir(join(folder, 'staging'))).toEqual([]);
  });

  test('never touches a draft of somebody else', async ({ folder }) => {
    const [path, draft] = [join(folder, 'file'), join(folder, 'draft')];
    await writeFile(draft, 'theirs');
    const doing = 'write the seed';
    await expect(replaceFile(path, 'new', { draft, doing })).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringMatching(`^cannot write the seed \\("${path}"\\): EEXIST`) as string,
      details: { errno: 'EEXIST', path },
    });
    expect(await readFile(draft, 'utf8')).toBe('theirs');
    expect(await readdir(folder)).toEqual(['draft']);
  });

  test('leaves no draft when it cannot be renamed', async ({ folder }) => {
    const [path, draft] = [join(folder, 'file'), join(folder, 'draft')];
    await mkdir(join(path, 'full'), { recursive: true });
    await expect(replaceFile(path, 'new', { draft })).rejects.toMatchObject({ code: 'IO_ERROR' });
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('says that a folder is missing', async ({ folder }) => {
    const path = join(folder, 'none/file');
    await expect(replaceFile(path, 'new')).rejects.toMatchObject({
      code: 'IO_ERROR',
      details: { errno: 'ENOENT', path },
    });
  });
});

describe('createFile', () => {
  const request = (folder: string, text: string) => ({
    draft: join(folder, `draft-${text}`),
    doing: 'make the key',
    make: async (draft: string) => writeFile(draft, text),
  });

  test('makes it once: the first one is everybody’s', async ({ folder }) => {
    const path = join(folder, 'key');
    expect(await createFile(path, request(folder, 'one'))).toBe(true);
    expect(await createFile(path, request(folder, 'two'))).toBe(false);
    expect(await readFile(path, 'utf8')).toBe('one');
    expect(await readdir(folder)).toEqual(['key']);
  });

  test('takes no other error for somebody who was faster', async ({ folder }) => {
    // Another file system, to which there are no hard links.
    const elsewhere = await mkdtemp('/dev/shm/multipass-ts-');
    try {
      const path = join(folder, 'key');
      await expect(createFile(path, request(elsewhere, 'one'))).rejects.toMatchObject({
        code: 'IO_ERROR',
        details: { errno: 'EXDEV', path },
      });
      expect(await readdir(elsewhere)).toEqual([]);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  test('leaves nothing when making it fails', async ({ folder }) => {
    const failing = {
      ...request(folder, 'half'),
      make: async (draft: string) => {
        await writeFile(draft, 'half');
        await readFile(join(folder, 'none'));
      },
    };
    await expect(createFile(join(folder, 'key'), failing)).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringContaining('cannot make the key') as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('withDraftFolder', () => {
  const what = { doing: 'add the image', path: '/there' };

  test('makes a folder for its owner alone, and removes what is left', async ({ folder }) => {
    const draft = join(folder, 'draft');
    const mode = await withDraftFolder(draft, what, async (made) => {
      expect(made).toBe(draft);
      await writeFile(join(made, 'head'), 'new');
      await writeFile(join(made, 'rest'), '');
      await moveDurably(join(made, 'head'), join(folder, 'disk'));
      return (await stat(made)).mode & 0o777;
    });
    expect(mode).toBe(0o700);
    expect(await readdir(folder)).toEqual(['disk']);
    expect(await readFile(join(folder, 'disk'), 'utf8')).toBe('new');
  });

  test('leaves what was renamed to its place', async ({ folder }) => {
    await withDraftFolder(join(folder, 'draft'), what, (made) => rename(made, join(folder, 'x')));
    expect(await readdir(folder)).toEqual(['x']);
  });

  test('removes it when the work fails, and says what failed', async ({ folder }) => {
    const failing = withDraftFolder(join(folder, 'draft'), what, async (made) => {
      await writeFile(join(made, 'half'), '');
      await readFile(join(made, 'none'));
    });
    await expect(failing).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringContaining('cannot add the image ("/there")') as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('does not take a folder that is there for its own', async ({ folder }) => {
    const draft = join(folder, 'draft');
    await mkdir(draft);
    const work = withDraftFolder(draft, what, () => Promise.resolve());
    await expect(work).rejects.toMatchObject({ details: { errno: 'EEXIST' } });
    expect(await readdir(folder)).toEqual(['draft']);
  });
});

describe('isOccupied', () => {
  const renameTo = async (folder: string): Promise<unknown> => {
    await mkdir(join(folder, 'from'));
    return await rename(join(folder, 'from'), join(folder, 'to')).catch((error: unknown) => error);
  };

  test('tells a folder with something in it, a file and a link', async ({ folder }) => {
    const makers = [
      () => mkdir(join(folder, '0/to/full'), { recursive: true }),
      () => writeFile(join(folder, '1/to'), ''),
      () => symlink('nowhere', join(folder, '2/to')),
    ];
    for (const [index, make] of makers.entries()) {
      await mkdir(join(folder, String(index)));
      await make();
      expect(isOccupied(await renameTo(join(folder, String(index))))).toBe(true);
    }
  });

  test('is about nothing else', async ({ folder }) => {
    expect(isOccupied(await renameTo(folder))).toBe(false);
    expect(isOccupied(await readFile(join(folder, 'none')).catch((e: unknown) => e))).toBe(false);
    expect(isOccupied(undefined)).toBe(false);
  });
});
