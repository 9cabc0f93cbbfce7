import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, test as base, vi } from 'vitest';
import { spawnDetached } from '../../src/process/detach.js';
import { runAttached } from '../../src/process/attach.js';

const test = base.extend<{
  folder: string;
  shell: (script: string) => ReturnType<typeof spawnDetached>;
}>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-spawn-'));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
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

  test('gives the program an open file as its fd 3', async ({ folder }) => {
    const [given, output] = [
      await open(join(folder, 'given'), 'w'),
      await open(join(folder, 'output'), 'w'),
    ];
    const script = 'echo hello >&3';
    const child = await spawnDetached('/bin/sh', ['-c', script], {
      ...{ cwd: folder, output: output.fd, fd3: given.fd },
    });
    await child.ended;
    await Promise.all([given.close(), output.close()]);
    expect(await readFile(join(folder, 'given'), 'utf8')).toBe('hello\n');
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

describe('runAttached', () => {
  test.for([
    ['exit 0', 0],
    ['exit 7', 7],
    ['exit 255', 255],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ] as const)('passes on what "%s" comes to', async ([script, code], { folder }) => {
    expect(await runAttached('/bin/sh', ['-c', script], { cwd: folder })).toBe(code);
  });

  test('runs in the folder it is given', async ({ folder }) => {
    await runAttached('/bin/sh', ['-c', 'pwd -P >here'], { cwd: folder });
    expect(await readFile(join(folder, 'here'), 'utf8')).toBe(`${folder}\n`);
  });

  test('ends the program when it is interrupted', async ({ folder }) => {
    const controller = new AbortController();
    const script = 'echo $$ >pid; exec sleep 60';
    const { signal } = controller;
    const ended = runAttached('/bin/sh', ['-c', script], { cwd: folder, signal });
    await vi.waitFor(async () => {
      expect(await readFile(join(folder, 'pid'), 'utf8')).toMatch(/^\d+\n$/);
    }, 20_000);
    controller.abort();
    expect(await ended).toBe(143);
    await expect(runAttached('true', [], { cwd: folder, signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  test('fails when there is no such program', async ({ folder }) => {
    await expect(runAttached('no-such-program', [], { cwd: folder })).rejects.toMatchObject(
      missing,
    );
  });
});

/** A program of its own, from a text. */
async function compile(folder: string, contents: string): Promise<string> {
  const outfile = join(folder, 'program.mjs');
  const source = join(folder, 'program.ts');
  await writeFile(source, contents);
  await build({ entryPoints: [source], outfile, bundle: true, format: 'esm', platform: 'node' });
  return outfile;
}
