import { createServer } from 'node:net';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRegularFile } from '../../src/files/regular-file.js';
import { run } from '../../src/process/run.js';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regular-'));
  path = join(dir, 'file');
});
afterEach(async () => await rm(dir, { recursive: true }));

function read(from = path, largest = 10): string {
  const unfit = (problem: string): Error => new Error(`it is ${problem}`);
  return readRegularFile(from, { largest, unfit }).toString();
}

describe('readRegularFile', () => {
  it.each(['', '0', '0123456789'])('reads %j whole, also by a link', async (content) => {
    await writeFile(path, content);
    await symlink(path, join(dir, 'link'));
    expect(read()).toBe(content);
    expect(read(join(dir, 'link'))).toBe(content);
  });

  it('refuses one byte more than it may have', async () => {
    await writeFile(path, '01234567890');
    expect(() => read()).toThrow('it is larger than 10 bytes');
  });

  it('takes no memory for what claims to be huge', async () => {
    await writeFile(path, '');
    await truncate(path, 2 ** 43);
    expect(() => read(path, 1024)).toThrow('it is larger than 1024 bytes');
  });

  it('does not wait for who may write into a FIFO', async () => {
    await run('mkfifo', [path]);
    expect(() => read()).toThrow('it is not a regular file');
  });

  it('takes no device, socket or folder for a file', async () => {
    expect(() => read('/dev/zero')).toThrow('it is not a regular file');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(() => read()).toThrow('it is not a regular file');
    server.close();
    await mkdir(join(dir, 'folder'));
    expect(() => read(join(dir, 'folder'))).toThrow('it is not a regular file');
  });

  it('passes on what the system says of a file that is not there', () => {
    expect(() => read()).toThrow(expect.objectContaining({ code: 'ENOENT' }) as Error);
  });
});
