import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base } from 'vitest';
import {
  readRecord,
  LEFT_OVER_RECORD,
  recordText,
  removeLeftOvers,
  replaceRecord,
  writeNewRecord,
} from '../../src/files/record.js';

const test = base.extend<{ folder: string }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'write-record-'));
    await use(folder);
    await rm(folder, { recursive: true });
  },
});

describe('replaceRecord', () => {
  test('replaces the record, for the owner alone, and leaves nothing beside it', async ({
    folder,
  }) => {
    const path = join(folder, 'spec.json');
    await writeFile(path, '{"old":true}', { mode: 0o644 });
    const before = process.umask(0);
    try {
      await replaceRecord(path, { new: [1, { x: null }] });
    } finally {
      process.umask(before);
    }
    expect(await readFile(path, 'utf8')).toBe(recordText({ new: [1, { x: null }] }));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['spec.json']);
  });

  test('never shows a reader anything but a whole record', async ({ folder }) => {
    const path = join(folder, 'spec.json');
    const record = (n: number): object => ({ n, filling: 'x'.repeat(n * 5000) });
    await writeNewRecord(path, record(0));
    let last = 0;
    const writing = (async (): Promise<void> => {
      for (let n = 1; n <= 40; n += 1) await replaceRecord(path, record(n % 2 === 0 ? 1 : n));
      last = 1;
    })();
    while (last === 0) {
      const place = readRecord(path);
      expect(place.key('filling').string()).toHaveLength(place.key('n').integer(0) * 5000);
      await new Promise(setImmediate);
    }
    await writing;
  });

  test('keeps the old record, and says so, when the new one cannot be written', async ({
    folder,
  }) => {
    await expect(replaceRecord(join(folder, 'missing', 'spec.json'), {})).rejects.toMatchObject({
      code: 'IO_ERROR',
      details: { errno: 'ENOENT' },
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('writeNewRecord', () => {
  test('makes a record, and overwrites none', async ({ folder }) => {
    const path = join(folder, 'spec.json');
    await writeNewRecord(path, { a: 1 });
    expect(await readFile(path, 'utf8')).toBe('{\n  "a": 1\n}\n');
    await expect(writeNewRecord(path, { a: 2 })).rejects.toMatchObject({ code: 'IO_ERROR' });
    expect(readRecord(path).object()).toEqual({ a: 1 });
    expect((await stat(path)).mode & 0o077).toBe(0);
  });
});

describe('LEFT_OVER_RECORD', () => {
  test('knows what a killed writer leaves, and no record', () => {
    expect('spec.json.1234567890').toMatch(LEFT_OVER_RECORD);
    for (const name of ['spec.json', 'pending.json', '0001.json', 'spec.json.bak', 'notes.1']) {
      expect(name).not.toMatch(LEFT_OVER_RECORD);
    }
  });
});

describe('removeLeftOvers', () => {
  test('removes what killed writers of those records left, and nothing else', async ({
    folder,
  }) => {
    const files = ['spec.json', 'spec.json.17', 'spec.json.x', 'mine.json.17', 'spec.json.17.iso'];
    for (const file of files) await writeFile(join(folder, file), '{');
    await removeLeftOvers(folder, (record) => record === 'spec.json');
    expect((await readdir(folder)).sort()).toEqual(
      files.filter((file) => file !== 'spec.json.17').sort(),
    );
  });

  test('says nothing of a folder that there is not', async ({ folder }) => {
    await removeLeftOvers(join(folder, 'snapshots'), () => true);
    expect(await readdir(folder)).toEqual([]);
  });
});
