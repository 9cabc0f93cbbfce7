import { spawnSync } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { run, type RunOptions, type RunResult } from '../../src/process/run.js';
import { compile, test } from './program-fixture.js';

const shell = async (script: string, options?: RunOptions): Promise<RunResult> =>
  await run('/bin/sh', ['-c', script], options);

/** The pid that a script has written; waits for it. */
async function pidIn(path: string): Promise<number> {
  return await vi.waitFor(async () => {
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(/^\d+\n$/);
    return Number(text);
  }, 20_000);
}

/** A zombie that nobody has reaped yet counts as gone. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat !== null && !stat.includes(') Z ');
}

describe('what a program is given', () => {
  test('its arguments as they are, and no shell', async () => {
    const args = ['%s\n', 'a b', '$HOME', '*', '; exit 1', '', '"'];
    expect((await run('printf', args)).stdout).toBe('a b\n$HOME\n*\n; exit 1\n\n"');
  });

  test('LC_ALL=C on top of this process’s environment', async () => {
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8');
    vi.stubEnv('OF_OURS', 'yes');
    expect((await shell('echo "$LC_ALL $OF_OURS"')).stdout).toBe('C yes');
  });

  test('no stdin', async () => {
    expect((await shell('cat; readlink /proc/self/fd/0')).stdout).toBe('/dev/null');
  });

  test('the folder it is to work in, or ours', async ({ folder }) => {
    expect((await shell('pwd -P', { cwd: folder })).stdout).toBe(folder);
    expect((await shell('pwd')).stdout).toBe(process.cwd());
  });

  test('an open file as its fd 3', async ({ folder }) => {
    await using file = await open(join(folder, 'given'), 'w');
    await shell('echo hello >&3', { fd3: file.fd });
    expect(await readFile(join(folder, 'given'), 'utf8')).toBe('hello\n');
  });

  test('an open file as its stdout, which is none of the result then', async ({ folder }) => {
    await using file = await open(join(folder, 'given'), 'w');
    const result = await shell('echo hello; echo oh >&2', { stdout: file.fd });
    expect(result).toEqual({ exitCode: 0, stdout: '', stderr: 'oh' });
    expect(await readFile(join(folder, 'given'), 'utf8')).toBe('hello\n');
    // A file of our own, with what that allows: holes.
    await shell('truncate -s 1M /proc/self/fd/1', { stdout: file.fd });
    expect((await file.stat()).size).toBe(2 ** 20);
  });
});

describe('what a program answers', () => {
  test('stdout and stderr, each by itself', async () => {
    const result = await shell('echo out; echo err >&2; echo more');
    expect(result).toEqual({ exitCode: 0, stdout: 'out\nmore', stderr: 'err' });
  });

  test('stdout as it comes, too', async ({ folder }) => {
    const chunks: string[] = [];
    // It goes on only when it was heard.
    const script = `echo one; while [ ! -e ${folder}/heard ]; do sleep 0.02; done; echo two`;
    const { stdout } = await shell(script, {
      onStdout: (chunk) => {
        if (chunks.push(chunk) === 1) void writeFile(join(folder, 'heard'), '');
      },
    });
    expect(chunks.join('')).toBe('one\ntwo\n');
    expect(chunks.length).toBeGreaterThan(1);
    expect(stdout).toBe('one\ntwo');
  });

  test('an exit code that is an answer', async () => {
    const { exitCode, stdout } = await shell('echo no; exit 3', { okExitCodes: [0, 3] });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: 'no' });
    await expect(shell('exit 0', { okExitCodes: [3] })).rejects.toMatchObject({ exitCode: 0 });
  });

  test('fails by what a program says, where that exits with 0 all the same', async () => {
    const failsBy = /^lost /m;
    const words = 'echo all is well; echo lost all >&2';
    await expect(shell(words, { failsBy })).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    await expect(shell('echo lost nothing', { failsBy })).resolves.toMatchObject({ exitCode: 0 });
    const full = 'echo lost: Disk quota exceeded >&2';
    await expect(shell(full, { failsBy: /^lost/ })).rejects.toMatchObject({ code: 'DISK_FULL' });
  });
});

describe.each<[string, RunOptions]>([
  ['whose output is collected', {}],
  ['whose output is heard as it comes', { onStdout: () => undefined }],
])('how a program fails %s', (_, heard) => {
  test('by an exit code, with the last line of what it says', async () => {
    await expect(shell('echo first >&2; echo last >&2; exit 3', heard)).rejects.toMatchObject({
      name: 'ExecError',
      code: 'TOOL_FAILED',
      message: '/bin/sh failed (exit code 3): last',
      exitCode: 3,
      stderr: 'first\nlast',
    });
    await expect(run('false', [], heard)).rejects.toMatchObject({
      message: 'false failed (exit code 1)',
    });
  });

  test('by a signal', async () => {
    await expect(shell('echo oh >&2; kill -KILL $$', heard)).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      message: '/bin/sh failed (SIGKILL): oh',
      exitCode: undefined,
    });
  });

  test('for want of space', async () => {
    await expect(
      run('dd', ['if=/dev/zero', 'of=/dev/full', 'count=1'], heard),
    ).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: 'no space left for dd to work',
      hint: expect.stringContaining('purge') as string,
      details: { program: 'dd' },
    });
  });

  test('because it is not there', async ({ folder }) => {
    await expect(run('no-such-program', [], { cwd: folder, ...heard })).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message: 'the program "no-such-program" is not installed',
      details: { program: 'no-such-program' },
    });
    vi.stubEnv('PATH', folder);
    await expect(run('xz', [], heard)).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      hint: expect.stringContaining('xz-utils') as string,
    });
  });

  test('not as one that is not there when it says so itself', async () => {
    await expect(shell('echo "spawn /bin/sh ENOENT" >&2; exit 127', heard)).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      exitCode: 127,
    });
  });

  test('because its folder is not there', async ({ folder }) => {
    const cwd = join(folder, 'none');
    await expect(run('true', [], { cwd, ...heard })).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: `cannot run true in the working directory "${cwd}": ENOENT`,
      details: { program: 'true', path: cwd },
    });
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(run('true', [], { cwd: file, ...heard })).rejects.toMatchObject({
      code: 'IO_ERROR',
      details: { path: file },
    });
  });

  test('no more for our own folder being gone: in the root', async ({ folder }) => {
    const program = await compile(
      folder,
      `import { mkdirSync, rmdirSync } from 'node:fs';
       import { run } from ${JSON.stringify(join(import.meta.dirname, '../../src/process/run.ts'))};
       mkdirSync('gone'); process.chdir('gone'); rmdirSync('../gone');
       console.log((await run('pwd', [])).stdout);
`,
    );
    const { stdout } = spawnSync(process.execPath, [program], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toBe('/\n');
  });
});

describe('many programs', () => {
  test('are no leak to Node, however many run at once', async ({ folder }) => {
    const before = process.listenerCount('exit');
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    const { signal } = new AbortController();
    const options = [{}, { onStdout: () => undefined }];
    const ran = Array.from({ length: 15 }, () =>
      options.map((heard) => shell('exit 0', { cwd: folder, signal, ...heard })),
    );
    await Promise.all(ran.flat());
    process.off('warning', hear);
    expect(warnings).toEqual([]);
    expect(process.listenerCount('exit')).toBe(before);
  });
});

// Whose output is heard as it comes is run by another package.
describe.each<[string, RunOptions]>([
  ['whose output is collected', {}],
  ['whose output is heard as it comes', { onStdout: () => undefined }],
])('how a program is interrupted %s', (_, heard) => {
  test('not started when the signal has fired', async ({ folder }) => {
    const ran = shell('touch ran', { cwd: folder, signal: AbortSignal.abort(), ...heard });
    await expect(ran).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(readFile(join(folder, 'ran'))).rejects.toThrow('ENOENT');
  });

  test('by SIGTERM, and waited for', async ({ folder }) => {
    const { signal, abort } = withSignal();
    const script =
      'trap "sleep 0.3; echo cleaned >end; exit 0" TERM; echo $$ >pid; while :; do sleep 0.05; done';
    const ran = shell(script, { cwd: folder, signal, ...heard });
    const pid = await pidIn(join(folder, 'pid'));
    abort();
    await expect(ran).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await readFile(join(folder, 'end'), 'utf8')).toBe('cleaned\n');
    expect(await isRunning(pid)).toBe(false);
  });

  test('by SIGKILL when it does not hear', async ({ folder }) => {
    const { signal, abort } = withSignal();
    const script = 'trap "" TERM; echo $$ >pid; while :; do sleep 0.05; done';
    const ran = shell(script, { cwd: folder, signal, ...heard });
    const pid = await pidIn(join(folder, 'pid'));
    const began = performance.now();
    abort();
    await expect(ran).rejects.toMatchObject({ code: 'ABORTED' });
    expect(performance.now() - began).toBeGreaterThan(4500);
    expect(await isRunning(pid)).toBe(false);
  });

  test('and what it has started itself holds nobody up', async ({ folder }) => {
    const { signal, abort } = withSignal();
    // The grandchild has our pipes open, and does not end.
    const script = 'sleep 30 & echo $! >pid; wait';
    const ran = shell(script, { cwd: folder, signal, ...heard });
    const pid = await pidIn(join(folder, 'pid'));
    const began = performance.now();
    abort();
    await expect(ran).rejects.toMatchObject({ code: 'ABORTED' });
    expect(performance.now() - began).toBeLessThan(15_000);
    if (await isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
});

function withSignal(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
