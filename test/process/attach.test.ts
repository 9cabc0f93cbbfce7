import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { runAttached } from '../../src/process/attach.js';
import { compile, test } from './program-fixture.js';

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
    await expect(runAttached('no-such-program', [], { cwd: folder })).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message: 'the program "no-such-program" is not installed',
    });
  });

  test('tells a folder that is not there from a program that is not', async ({ folder }) => {
    const cwd = join(folder, 'none');
    await expect(runAttached('/bin/sh', ['-c', 'true'], { cwd })).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: `cannot run /bin/sh in the working directory "${cwd}": ENOENT`,
      details: { program: '/bin/sh', path: cwd },
    });
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(runAttached('/bin/sh', ['-c', 'true'], { cwd: file })).rejects.toMatchObject({
      code: 'IO_ERROR',
      details: { path: file },
    });
  });

  test('gives the program this process’s own stdin, stdout and stderr', async ({ folder }) => {
    const attach = join(import.meta.dirname, '../../src/process/attach.ts');
    const program = await compile(
      folder,
      `import { runAttached } from ${JSON.stringify(attach)};
       process.exitCode = await runAttached('/bin/sh', ['-c', 'read line; echo "got $line"; echo bad >&2; exit 5'], { cwd: '/' });`,
    );
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
      input: 'a line\n',
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 5,
      stdout: 'got a line\n',
      stderr: 'bad\n',
    });
  });
});
