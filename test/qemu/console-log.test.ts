import {
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  type FileHandle,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { keepConsole } from '../../src/qemu/console-log.js';
import { spawnDetached } from '../../src/process/detach.js';
import { test as base } from '../support/store-fixture.js';

/** A console that ends with the test. */
const test = base.extend<{ folder: string; console: FileHandle }>({
  folder: async ({ root }, use) => {
    const folder = join(root, 'a "run", $HOME');
    await mkdir(folder, { recursive: true });
    await use(folder);
  },
  console: async ({ folder, root }, use) => {
    const output = await open(join(root, 'output'), 'w');
    const pipe = await keepConsole(folder, output.fd);
    await use(pipe);
    await pipe.close();
    await output.close();
    expect(await readFile(join(root, 'output'), 'utf8')).toBe('');
  },
});

const HALF = 512 * 1024;

async function say(console: FileHandle, text: string | Buffer): Promise<void> {
  await console.writeFile(text);
}

async function textOf(folder: string, file = 'console.log'): Promise<string> {
  return await readFile(join(folder, file), 'utf8');
}

describe('keepConsole', () => {
  test('has each piece there as soon as it was written', async ({ folder, console }) => {
    let said = '';
    for (const text of ['a', 'b\r\n', 'login: ']) {
      said += text;
      await say(console, text);
      await vi.waitFor(async () => expect(await textOf(folder)).toBe(said));
    }
  });

  test('keeps the end of whatever is written, in two files of a bounded size', async ({
    folder,
    console,
  }) => {
    const pieces = Array.from({ length: 40 }, (_, at) => Buffer.alloc(64 * 1024, 97 + (at % 26)));
    for (const piece of pieces) await say(console, piece);
    await say(console, 'the end');
    await vi.waitFor(async () => expect(await textOf(folder)).toContain('the end'));
    expect((await readdir(folder)).toSorted()).toEqual(['console.log', 'console.old']);
    const older = await textOf(folder, 'console.old');
    expect(older).toHaveLength(HALF);
    const all = Buffer.concat(pieces).toString('utf8') + 'the end';
    expect(all.endsWith(older + (await textOf(folder)))).toBe(true);
    expect((await stat(join(folder, 'console.log'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'console.old'))).mode & 0o777).toBe(0o600);
  });

  test('makes what was there before the older half', async ({ folder, root }) => {
    const output = await open(join(root, 'output'), 'w');
    for (const text of ['first', 'second', 'third']) {
      const pipe = await keepConsole(folder, output.fd);
      await say(pipe, text);
      await pipe.close();
      await vi.waitFor(async () => expect(await textOf(folder)).toBe(text));
    }
    expect(await textOf(folder, 'console.old')).toBe('second');
    await output.close();
  });

  test('ends with the last one that has the other end, and works in no folder', async ({
    folder,
    root,
  }) => {
    const output = await open(join(root, 'output'), 'w');
    const pipe = await keepConsole(folder, output.fd);
    const words = ['-c', 'echo ready >&3; exec sleep 60'];
    const options = { cwd: '/', output: output.fd, fds: [pipe.fd] };
    const writer = await spawnDetached('/bin/sh', words, options);
    await pipe.close();
    await vi.waitFor(async () => expect(await textOf(folder)).toBe('ready\n'));
    const [keeper] = await whoHas(folder);
    expect(await readlink(`/proc/${keeper}/cwd`)).toBe('/');
    await rename(folder, join(root, 'moved'));
    await writer.kill();
    await vi.waitFor(async () => expect(await whoHas(join(root, 'moved'))).toEqual([]));
    await output.close();
  });
});

/** The processes that have a folder open. */
async function whoHas(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const held = await Promise.all(
    pids.map(async (pid) => await readlink(`/proc/${pid}/fd/3`).catch(() => '')),
  );
  return pids.filter((_, at) => held[at] === folder);
}
