import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { extractXz } from '../../../src/vm/images/extract-xz.js';
import { Work } from '../../../src/work.js';
import { errorOf, test } from '../../support/image-fixture.js';
import { replaceProgram } from '../../support/replace-program.js';

const MIB = 1024 ** 2;

/** Packs a file of some bytes over and over: of 512 MiB little is left. */
async function bomb(outside: string, mebibytes: number): Promise<string> {
  const path = join(outside, 'bomb');
  await using file = await open(path, 'w');
  for (let at = 0; at < mebibytes; at += 1) await file.write(Buffer.alloc(MIB, 'x'));
  await run('xz', ['-0', path]);
  return `${path}.xz`;
}

async function extract(source: string, outside: string): Promise<void> {
  const target = join(outside, 'unpacked');
  await rm(target, { force: true });
  await extractXz({ source, target, origin: source, work: Work.of({}) });
}

/** The packed file without its index, which tells how large it is; unpacked, it is as long as before. */
async function withoutIndex(source: string): Promise<string> {
  const content = await readFile(source);
  // The footer's backward size, in units of 4 bytes, tells how long the index before it is.
  const index = (content.readUInt32LE(content.length - 8) + 1) * 4;
  const path = `${source}.cut`;
  await writeFile(path, content.subarray(0, content.length - 12 - index));
  return path;
}

describe('extractXz', () => {
  test('says before the work when there is no room for what the file tells', async ({
    outside,
  }) => {
    const source = await bomb(outside, 64);
    const fs = await import('node:fs/promises');
    const { bavail, bsize } = await fs.statfs(outside);
    // The same index, of a file that is larger than the disk: what xz says of it.
    const huge = bavail * bsize * 2;
    await replaceProgram(
      join(outside, 'bin'),
      'xz',
      `case $* in *--list*) printf 'totals\\t1\\t1\\t1\\t${huge}\\t0\\n';; *) exec $REAL "$@";; esac`,
    );
    const error = await errorOf(
      extract(source, outside),
      huge > 1024 ** 4 ? 'IMAGE_INVALID' : 'DISK_FULL',
    );
    vi.unstubAllEnvs();
    expect(error.message).toMatch(/needed|larger than can be/);
    expect(await readdir(outside)).not.toContain('unpacked');
  });

  test('lets a file grow to no more than it says', async ({ outside }) => {
    const source = await bomb(outside, 64);
    await replaceProgram(
      join(outside, 'bin'),
      'xz',
      `case $* in *--list*) printf 'totals\\t1\\t1\\t1\\t${MIB}\\t0\\n';; *) exec $REAL "$@";; esac`,
    );
    const error = await errorOf(extract(source, outside), 'IMAGE_INVALID');
    vi.unstubAllEnvs();
    expect(error.message).toMatch(/larger than it says, which is 1\.0MiB/);
    expect((await stat(join(outside, 'unpacked'))).size).toBeLessThanOrEqual(MIB);
  });

  test('tells of a packed file that is cut off, and of one that is damaged', async ({
    outside,
  }) => {
    const source = await bomb(outside, 4);
    const cut = await withoutIndex(source);
    expect((await errorOf(extract(cut, outside), 'IMAGE_INVALID')).message).toMatch(/unpacked: /);
    const content = await readFile(source);
    await writeFile(source, content.fill(0, 40, 80));
    expect((await errorOf(extract(source, outside), 'IMAGE_INVALID')).message).toContain(source);
  });

  test('unpacks without a sandbox where there is none', async ({ outside }) => {
    const source = await bomb(outside, 2);
    await replaceProgram(join(outside, 'bin'), 'bwrap', 'echo "bwrap: no" >&2; exit 1');
    await extract(source, outside);
    vi.unstubAllEnvs();
    expect((await stat(join(outside, 'unpacked'))).size).toBe(2 * MIB);
  });

  test('refuses what needs more memory than any preset', async ({ outside }) => {
    const path = join(outside, 'greedy');
    await writeFile(path, 'x'.repeat(MIB));
    await run('xz', ['--lzma2=dict=1536MiB,mode=fast,mf=hc3,nice=8', path]);
    const error = await errorOf(extract(`${path}.xz`, outside), 'IMAGE_INVALID');
    expect(error.message).toMatch(/limit is 1024 MiB/);
  });
});
