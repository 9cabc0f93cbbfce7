import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { run } from '../../src/process/run.js';
import { readRecord, readRecordIfAny, readSmallFileIfAny } from '../../src/files/record.js';

const test = base.extend<{ path: string }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  path: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'read-file-'));
    await use(join(folder, 'spec.json'));
    await rm(folder, { recursive: true });
  },
});

/** The file is read 64 KiB at a time. */
const SIZES = [1, 65_535, 65_536, 65_537, 131_072, 200_000, 4 * 1024 * 1024 - 10];

describe('readRecord', () => {
  test.for(SIZES)('reads a text of %i characters whole', async (size, { path }) => {
    const text = 'x'.repeat(size);
    await writeFile(path, JSON.stringify(text));
    expect(readRecord(path).string()).toBe(text);
  });

  test('keeps characters of several bytes that lie across two reads', async ({ path }) => {
    const text = `x${'ä€😀'.repeat(20_000)}`;
    await writeFile(path, JSON.stringify(text));
    expect(readRecord(path).string()).toBe(text);
  });

  test('shows nothing of a longer file that was read before', async ({ path }) => {
    await writeFile(path, JSON.stringify({ secret: 'x'.repeat(1000) }));
    readRecord(path);
    await writeFile(path, '{}');
    expect(readRecord(path).object()).toEqual({});
  });

  const NO_RECORDS: Record<string, [(path: string) => Promise<unknown>, code: string]> = {
    'an empty file': [(path) => writeFile(path, ''), 'RECORD_INVALID'],
    'a folder': [(path) => mkdir(path), 'RECORD_INVALID'],
    'a FIFO, at once': [(path) => run('mkfifo', [path]), 'RECORD_INVALID'],
    'a link, even to a good one': [
      async (path) => {
        await writeFile(`${path}.good`, '{}');
        await symlink(`${path}.good`, path);
      },
      'INSTANCE_BROKEN',
    ],
    'a link to nothing': [(path) => symlink('nothing', path), 'INSTANCE_BROKEN'],
    'a file of 5 MiB': [
      (path) => writeFile(path, JSON.stringify('x'.repeat(5 * 1024 * 1024))),
      'RECORD_INVALID',
    ],
  };

  test.for(Object.entries(NO_RECORDS))(
    'refuses %s, naming it',
    async ([, [make, code]], { path }) => {
      await make(path);
      const error = expect.objectContaining({
        code,
        message: expect.stringContaining(`"${path}"`) as string,
        details: expect.objectContaining({ path }) as object,
      }) as Error;
      expect(() => readRecord(path)).toThrow(error);
      expect(() => readRecordIfAny(path)).toThrow(error);
    },
  );

  test('refuses a socket', async ({ path }) => {
    const server = createServer().listen(path);
    await once(server, 'listening');
    expect(() => readRecord(path)).toThrow(
      expect.objectContaining({ code: 'RECORD_INVALID' }) as Error,
    );
    server.close();
  });

  test('lets the caller tell what is not there from what is bad', ({ path }) => {
    expect(() => readRecord(path)).toThrow(expect.objectContaining({ code: 'ENOENT' }) as Error);
    expect(readRecordIfAny(path)).toBeUndefined();
    expect(readSmallFileIfAny(path)).toBeUndefined();
  });

  test('refuses a path through a file', async ({ path }) => {
    await writeFile(path, '{}');
    expect(() => readSmallFileIfAny(join(path, 'qemu.pid'))).toThrow(
      expect.objectContaining({ code: 'RECORD_INVALID' }) as Error,
    );
  });
});
