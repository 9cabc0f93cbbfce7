import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { HolderNote } from '../../src/store/lock-holders.js';
import { sweepVisibleLocks } from '../../src/store/visible-locks.js';
import { test } from '../support/store-fixture.js';

describe('sweepVisibleLocks', () => {
  test('removes those of instances that there are not', async ({ store: { layout } }) => {
    await mkdir(layout.instance('web').path);
    for (const name of ['web', 'gone']) await mkdir(join(layout.locks, `${name}.lock`));
    await writeFile(join(layout.locks, 'notes'), '');
    await sweepVisibleLocks(layout);
    expect((await readdir(layout.locks)).sort()).toEqual(['notes', 'web.lock']);
  });

  test('leaves the lock of who has just renamed or purged one', async ({ store: { layout } }) => {
    await mkdir(join(layout.locks, 'gone.lock'));
    await using note = await HolderNote.write(layout, 'gone', 'rename');
    await sweepVisibleLocks(layout);
    expect(await readdir(layout.locks)).toContain('gone.lock');
    await note.remove();
    await sweepVisibleLocks(layout);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('says nothing where there are no locks, and leaves what is no empty folder', async ({
    store: { layout },
  }) => {
    await mkdir(join(layout.locks, 'full.lock', 'mine'), { recursive: true });
    await sweepVisibleLocks(layout);
    expect(await readdir(layout.locks)).toEqual(['full.lock']);
  });
});
