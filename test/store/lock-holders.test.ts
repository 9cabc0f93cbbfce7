import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { describeHolders, HolderNote, sweepHolderNotes } from '../../src/store/lock-holders.js';
import { newToken } from '../../src/store/maker-token.js';
import { test } from '../support/store-fixture.js';

const NOBODY = 'a virtual machine or another program';

describe('describeHolders', () => {
  test('names each holder of that instance, and nobody else', async ({ store: { layout } }) => {
    expect(describeHolders(layout, 'web')).toBe(NOBODY);
    const notes = [
      await HolderNote.write(layout, 'web', 'clone'),
      await HolderNote.write(layout, 'web', 'info'),
      await HolderNote.write(layout, 'web-2', 'purge'),
    ];
    const text = describeHolders(layout, 'web');
    expect(
      text
        .split(', ')
        .map((holder) => holder.split(' ')[0])
        .sort(),
    ).toEqual(['clone', 'info']);
    expect(text).toContain(`(pid ${process.pid}) since 20`);
    for (const note of notes) await note.remove();
    expect(describeHolders(layout, 'web')).toBe(NOBODY);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('does not count the dead, and says little of a note it cannot read', async ({
    store: { layout },
  }) => {
    const dead = newToken().split('.').with(4, '1').join('.');
    await writeFile(join(layout.locks, `web@${dead}`), '{"purpose":"clone"}');
    expect(describeHolders(layout, 'web')).toBe(NOBODY);
    await writeFile(join(layout.locks, `web@${newToken()}`), 'no json');
    expect(describeHolders(layout, 'web')).toBe('another command');
  });

  test('says little where there is no folder of locks', async ({ store: { layout } }) => {
    await rm(layout.locks, { recursive: true });
    expect(describeHolders(layout, 'web')).toBe(NOBODY);
    await expect(HolderNote.write(layout, 'web', 'clone')).rejects.toMatchObject({
      code: 'IO_ERROR',
    });
  });
});

describe('HolderNote', () => {
  test('is for the owner alone', async ({ store: { layout } }) => {
    const note = await HolderNote.write(layout, 'web', 'clone');
    const [file] = await readdir(layout.locks);
    expect((await stat(join(layout.locks, file!))).mode & 0o077).toBe(0);
    await note.remove();
    await note.remove();
  });
});

describe('sweepHolderNotes', () => {
  test('removes the notes of the dead, and nothing else', async ({ store: { layout } }) => {
    const dead = newToken().split('.').with(4, '1').join('.');
    const elsewhere = newToken().split('.').with(0, '0123456789ab').join('.');
    const kept = [`web@${newToken()}`, `web@${elsewhere}`, 'web.lock', 'note'].sort();
    for (const file of [...kept, `web@${dead}`, `db@${dead}`]) {
      await writeFile(join(layout.locks, file), '{}');
    }
    await sweepHolderNotes(layout);
    expect((await readdir(layout.locks)).sort()).toEqual(kept);
  });
});
