import { execFile } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { spawnDetached } from '../../src/process/detach.js';
import { compile, test as base } from './program-fixture.js';

const test = base.extend<{
  shell: (script: string) => ReturnType<typeof spawnDetached>;
}>({
  shell: async ({ folder }, use) => {
    const output = await open(join(folder, 'output'), 'w');
    const started: Awaited<ReturnType<typeof spawnDetached>>[] = [];
    await use(async (script) => {
      const child = await spawnDetached('/bin/sh', ['-c', script], {
        cwd: folder,
        output: output.fd,
      });
      started.push(child);
      return child;
    });
    for (const child of started) if (!child.hasEnded()) await child.kill();
    await output.close();
  },
});

const missing = { code: 'TOOL_MISSING', message: 'the program "no-such-program" is not installed' };

describe('spawnDetached', () => {
  test('starts a program in its own folder and session, without stdin', async ({
    folder,
    shell,
  }) => {
    const child = await shell('pwd -P; cat; ps -o sid= -p $$; echo error >&2');
    expect(await child.ended).toBe('exit code 0');
    const [cwd, session, error] = (await readFile(join(folder, 'output'), 'utf8')).split('\n');
    expect({ cwd, session: session?.trim(), error }).toEqual({
      cwd: folder,
      session: String(child.pid),
      error: 'error',
    });
  });

  test('tells what a program ended by', async ({ shell }) => {
    const [failed, killed] = [await shell('exit 3'), await shell('kill -TERM $$')];
    expect([await failed.ended, await killed.ended]).toEqual(['exit code 3', 'SIGTERM']);
    expect([failed.hasEnded(), killed.hasEnded()]).toEqual([true, true]);
  });

  test('gives the program open files as its descriptors from 3 on', async ({ folder }) => {
    const [given, output] = [
      await open(join(folder, 'given'), 'w'),
      await open(join(folder, 'output'), 'w'),
    ];
    const script = 'echo nothing >&3; echo hello >&4';
    const child = await spawnDetached('/bin/sh', ['-c', script], {
      cwd: folder,
      output: output.fd,
      fds: [undefined, given.fd],
    });
    await child.ended;
    await Promise.all([given.close(), output.close()]);
    expect(await readFile(join(folder, 'given'), 'utf8')).toBe('hello\n');
  });

  test('gives it an open file for its stdin', async ({ folder }) => {
    await writeFile(join(folder, 'input'), 'hello\n');
    const [input, output] = [
      await open(join(folder, 'input')),
      await open(join(folder, 'output'), 'w'),
    ];
    const options = { cwd: folder, output: output.fd, stdin: input.fd };
    const child = await spawnDetached('/bin/sh', ['-c', 'exec cat'], options);
    await child.ended;
    await Promise.all([input.close(), output.close()]);
    expect(await readFile(join(folder, 'output'), 'utf8')).toBe('hello\n');
  });

  test('kills it when asked to, and then it has ended', async ({ shell }) => {
    const child = await shell('trap "" TERM INT HUP; while :; do sleep 1; done');
    expect(child.hasEnded()).toBe(false);
    await child.kill();
    expect(child.hasEnded()).toBe(true);
    expect(await child.ended).toBe('SIGKILL');
    await child.kill();
  });

  test('fails when there is no such program', async ({ folder }) => {
    const start = spawnDetached('no-such-program', [], { cwd: folder, output: 1 });
    await expect(start).rejects.toMatchObject(missing);
  });

  test('tells a folder that is not there from a program that is not', async ({ folder }) => {
    const cwd = join(folder, 'none');
    await expect(spawnDetached('/bin/sh', [], { cwd, output: 1 })).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: `cannot run /bin/sh in the working directory "${cwd}": ENOENT`,
      details: { program: '/bin/sh', path: cwd },
    });
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(spawnDetached('/bin/sh', [], { cwd: file, output: 1 })).rejects.toMatchObject({
      code: 'IO_ERROR',
      details: { path: file },
    });
  });

  test('holds no process up that has nothing else to do, but one that kills it', async ({
    folder,
  }) => {
    const program = await compile(
      folder,
      `import { openSync } from 'node:fs';
       import { spawnDetached } from ${JSON.stringify(join(import.meta.dirname, '../../src/process/detach.ts'))};
       const child = await spawnDetached('/bin/sh', ['-c', 'exec sleep 60'], { cwd: '/', output: openSync('/dev/null', 'w') });
       if (process.argv[2] === 'kill') await child.kill();
       console.log(child.pid, child.hasEnded());`,
    );
    const run = async (...args: string[]): Promise<string[]> =>
      (await promisify(execFile)(process.execPath, [program, ...args])).stdout.trim().split(' ');
    const [pid, ended] = await run();
    expect(ended).toBe('false');
    expect(process.kill(Number(pid), 'SIGKILL')).toBe(true);
    expect(await run('kill')).toEqual([expect.any(String), 'true']);
  });
});
