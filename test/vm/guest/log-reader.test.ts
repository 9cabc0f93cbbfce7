import { appendFile, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { LogReader } from '../../../src/vm/guest/log-reader.js';

const test = base.extend<{ folder: string; newer: string; older: string }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'log-reader-'));
    await use(folder);
    await rm(folder, { recursive: true });
  },
  newer: ({ folder }, use) => use(join(folder, 'console.log')),
  older: ({ folder }, use) => use(join(folder, 'console.old')),
});

describe('LogReader', () => {
  test('reads what is there, the older half first, and then what comes', async ({
    newer,
    older,
  }) => {
    await writeFile(older, 'one ');
    await writeFile(newer, 'two ');
    const reader = new LogReader(newer, older);
    expect(reader.read().toString()).toBe('one two ');
    expect(reader.read().toString()).toBe('');
    await appendFile(newer, 'three ');
    expect(reader.read().toString()).toBe('three ');
  });

  test('misses nothing, and reads nothing twice, when the newer half becomes the older one', async ({
    newer,
    older,
  }) => {
    await writeFile(older, 'long ago ');
    await writeFile(newer, 'one ');
    const reader = new LogReader(newer, older);
    expect(reader.read().toString()).toBe('long ago one ');
    await appendFile(newer, 'two ');
    await rename(newer, older);
    expect(reader.read().toString()).toBe('two ');
    await writeFile(newer, 'three ');
    expect(reader.read().toString()).toBe('three ');
    await rename(newer, older);
    await writeFile(newer, 'four ');
    expect(reader.read().toString()).toBe('four ');
    expect(reader.read().toString()).toBe('');
  });

  test('begins with a log that comes later, and reads one that is larger than a piece', async ({
    newer,
    older,
  }) => {
    const reader = new LogReader(newer, older);
    expect(reader.read()).toHaveLength(0);
    await writeFile(newer, 'x'.repeat(200_000));
    expect(reader.read()).toHaveLength(200_000);
  });

  test('follows no link, and waits for no FIFO', async ({ folder, newer }) => {
    await writeFile(join(folder, 'secret'), 'secret');
    await symlink('secret', newer);
    expect(() => new LogReader(newer).read()).toThrow(
      expect.objectContaining({ code: 'IO_ERROR' }),
    );
  });
});
