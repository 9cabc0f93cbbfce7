import { link, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { copyWhole, linkOrCopy, reflink } from '../../../src/vm/disks/copy-file.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { replaceProgram } from '../../support/replace-program.js';

const MIB = 1024 ** 2;

let dir: string;
let source: string;
let target: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'copy-file-'));
  source = join(dir, 'source');
  target = join(dir, 'target');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('copyWhole', () => {
  it('copies the content, and keeps holes and names that look like options', async () => {
    const odd = join(dir, '--version');
    await run('truncate', ['-s', '32M', odd]);
    await run('dd', ['if=/dev/urandom', `of=${odd}`, 'bs=1M', 'count=1', 'seek=7', 'conv=notrunc']);
    await copyWhole(odd, target);
    await run('cmp', [odd, target]);
    expect((await stat(target)).blocks * 512).toBeLessThan(2 * MIB);
  });

  it('copies an empty file', async () => {
    await writeFile(source, '');
    await copyWhole(source, target);
    expect(await readFile(target, 'utf8')).toBe('');
  });

  it('leaves a file alone that is there already', async () => {
    await writeFile(source, 'new');
    await writeFile(target, 'old');
    await expect(copyWhole(source, target)).rejects.toMatchObject({ code: 'IO_ERROR' });
    expect(await readFile(target, 'utf8')).toBe('old');
  });

  it('never writes through a link that is there already', async () => {
    await writeFile(source, 'new');
    await symlink(join(dir, 'elsewhere'), target);
    await expect(copyWhole(source, target)).rejects.toMatchObject({ code: 'IO_ERROR' });
    await expect(stat(join(dir, 'elsewhere'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.runIf(canLoopMount)(
    'tells how far it is, and removes what it made when it fails',
    async () => {
      await withLoopMount('ext4', 32, async (folder) => {
        source = join(folder, 'source');
        target = join(folder, 'target');
        await writeFile(source, Buffer.alloc(4 * MIB, 'data'));
        const half = `head -c ${2 * MIB} /dev/zero >"$LAST"; sync "$LAST"; sleep 0.5; exit 1`;
        await replaceProgram(join(dir, 'programs'), 'cp', half);
        const told: number[] = [];
        const advance = (fraction: number): number => told.push(Math.round(fraction * 10) / 10);
        const copying = copyWhole(source, target, { advance });
        await expect(copying).rejects.toMatchObject({ code: 'TOOL_FAILED' });
        expect(Math.max(...told)).toBe(0.5);
        await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
      });
    },
  );
});

describe('linkOrCopy', () => {
  it('gives the file a second name', async () => {
    await writeFile(source, 'base');
    expect(await linkOrCopy(source, target)).toBe('link');
    expect((await stat(target)).ino).toBe((await stat(source)).ino);
  });

  it.runIf(canLoopMount)('copies where there is no link from one place to another', async () => {
    await writeFile(source, 'base');
    await withLoopMount('ext4', 16, async (folder) => {
      const elsewhere = join(folder, 'target');
      expect(await linkOrCopy(source, elsewhere)).toBe('copy');
      expect(await readFile(elsewhere, 'utf8')).toBe('base');
    });
  });

  it('does not take any other failure for that', async () => {
    await writeFile(source, 'base');
    await writeFile(target, 'old');
    await expect(linkOrCopy(source, target)).rejects.toMatchObject({ code: 'IO_ERROR' });
    await expect(linkOrCopy(join(dir, 'none'), target)).rejects.toMatchObject({ code: 'IO_ERROR' });
    expect(await readFile(target, 'utf8')).toBe('old');
  });
});

describe.runIf(canLoopMount)('reflink', () => {
  it('makes nothing where extents cannot be shared', async () => {
    await withLoopMount('ext4', 16, async (folder) => {
      const [one, other] = [join(folder, 'one'), join(folder, 'other')];
      await writeFile(one, 'content');
      expect(await reflink(one, other)).toBe(false);
      await expect(stat(other)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  it('makes two files of the same extents where they can, each to be changed by itself', async () => {
    await withLoopMount('xfs', 320, async (folder) => {
      const [one, other] = [join(folder, 'one'), join(folder, 'other')];
      await writeFile(one, Buffer.alloc(MIB, 'one'));
      expect(await reflink(one, other)).toBe(true);
      await link(other, join(folder, 'third'));
      await writeFile(other, 'changed', { flag: 'r+' });
      expect((await readFile(one)).equals(Buffer.alloc(MIB, 'one'))).toBe(true);
    });
  });
});
