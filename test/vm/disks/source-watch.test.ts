import {
  appendFile,
  copyFile,
  mkdtemp,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { SourceWatch } from '../../../src/vm/disks/source-watch.js';

let dir: string;
let disk: string;
let seed: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'source-watch-'));
  disk = join(dir, 'disk');
  seed = join(dir, 'seed');
  await writeFile(disk, 'state');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('SourceWatch', () => {
  it('is content with files that nobody touched, and with one that is not there', async () => {
    const watch = await SourceWatch.begin([disk, seed]);
    await setTimeout(60);
    expect(() => watch.requireUnchanged()).not.toThrow();
  });

  it('waits before it looks at a file that was touched just now', async () => {
    const { mtimeMs } = await stat(disk);
    await SourceWatch.begin([disk]);
    // A timer may come a millisecond early.
    expect(Date.now() - mtimeMs).toBeGreaterThanOrEqual(48);
  });

  it('waits no longer than that for a file from the future', async () => {
    await utimes(disk, new Date(), new Date(Date.now() + 3_600_000));
    const start = Date.now();
    await SourceWatch.begin([disk]);
    expect(Date.now() - start).toBeLessThan(5_000);
  });

  it('stops waiting when it is told to', async () => {
    await utimes(disk, new Date(), new Date(Date.now() + 20));
    const begun = SourceWatch.begin([disk], AbortSignal.abort());
    await expect(begun).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('does not begin when there is nothing to wait for, either', async () => {
    await setTimeout(60);
    const begun = SourceWatch.begin([disk], AbortSignal.abort());
    await expect(begun).rejects.toMatchObject({ code: 'ABORTED' });
  });

  const changes: Record<string, () => Promise<unknown>> = {
    'as many other bytes': () => writeFile(disk, 'STATE', { flag: 'r+' }),
    'more bytes': () => appendFile(disk, '.'),
    'another file with the same content': async () => {
      await copyFile(disk, `${disk}.new`);
      await rename(`${disk}.new`, disk);
    },
    'other bytes and the old times': async () => {
      // touch(1), for Node's own utimes cuts off the nanoseconds.
      await run('touch', ['-r', disk, `${disk}.times`]);
      await writeFile(disk, 'STATE', { flag: 'r+' });
      await run('touch', ['-r', `${disk}.times`, disk]);
    },
    'nothing any more': () => rm(disk),
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`notices ${what}`, async () => {
      const watch = await SourceWatch.begin([seed, disk]);
      await change();
      expect(() => watch.requireUnchanged()).toThrow(
        expect.objectContaining({ code: 'INSTANCE_CHANGED', details: { path: disk } }),
      );
    });
  }

  it('notices a file that was not there', async () => {
    const watch = await SourceWatch.begin([disk, seed]);
    await writeFile(seed, '');
    expect(() => watch.requireUnchanged()).toThrow(`"${seed}" changed while it was being copied`);
  });
});
