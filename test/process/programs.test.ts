import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import {
  findProgram,
  isProgram,
  notInstalled,
  packageOf,
  startError,
} from '../../src/process/programs.js';
import { test } from './program-fixture.js';

/** What Node says when it cannot start a program. */
async function errorOf(program: string, cwd?: string): Promise<unknown> {
  try {
    return (await once(spawn(program, { cwd }), 'error')).at(0);
  } catch (error) {
    // Some of it is thrown at once.
    return error;
  }
}

describe('packageOf', () => {
  test('knows what to install, wherever the program is', () => {
    expect(packageOf('qemu-img')).toContain('qemu-utils');
    expect(packageOf('/usr/bin/xz')).toContain('xz-utils');
    expect(packageOf('qemu-system-aarch64')).toContain('qemu-system-arm');
  });

  test('says so when it does not', () => {
    expect(packageOf('no-such-program')).toBe('the package that has no-such-program');
    expect(packageOf('constructor')).toBe('the package that has constructor');
  });

  test('knows every program that is run by its name', async () => {
    const src = join(import.meta.dirname, '../../src');
    const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith('.ts'));
    const texts = await Promise.all(files.map((file) => readFile(join(src, file), 'utf8')));
    const calls = /\b(?:run|networkTool|runAttached|pathOf|missing)\(\s*'([a-z0-9-]+)'/g;
    const programs = new Set(
      texts.flatMap((text) => [...text.matchAll(calls)].map(([, one]) => one!)),
    );
    expect(programs.size).toBeGreaterThan(12);
    expect([...programs].filter((one) => packageOf(one).startsWith('the package'))).toEqual([]);
  });
});

describe('notInstalled', () => {
  test('says what to install, and what for', () => {
    expect(notInstalled('xz')).toMatchObject({
      code: 'TOOL_MISSING',
      message: 'the program "xz" is not installed',
      hint: 'Install xz-utils (Debian, Ubuntu) or xz (Fedora), then try again.',
      details: { program: 'xz' },
    });
    expect(notInstalled('bwrap', { neededFor: 'Classic mounts need it' }).hint).toBe(
      'Classic mounts need it: install bubblewrap, then try again.',
    );
  });
});

describe('startError', () => {
  test('is about the program when that is missing', async ({ folder }) => {
    const error = await errorOf('no-such-program', folder);
    const meaning = startError(error, 'no-such-program', folder);
    expect(meaning).toMatchObject({ code: 'TOOL_MISSING', cause: error });
  });

  test('is about the folder when that is missing, or is none', async ({ folder }) => {
    const [none, file] = [join(folder, 'none'), join(folder, 'file')];
    await writeFile(file, '');
    expect(startError(await errorOf('true', none), 'true', none)).toMatchObject({
      code: 'IO_ERROR',
      message: `cannot run true in the working directory "${none}": ENOENT`,
      hint: expect.any(String) as string,
    });
    expect(startError(await errorOf('true', file), 'true', file)).toMatchObject({
      code: 'IO_ERROR',
      message: `cannot run true in the working directory "${file}": ENOTDIR`,
    });
  });

  test('is about permission when the program may not be run', async ({ folder }) => {
    const program = join(folder, 'program');
    await writeFile(program, '#!/bin/sh\n');
    expect(startError(await errorOf(program), program)).toMatchObject({
      code: 'PERMISSION_DENIED',
      message: `not permitted to start the program ("${program}")`,
    });
  });

  test('leaves alone what is no failure to start, whatever it says', () => {
    const said = Object.assign(new Error('spawn xz ENOENT'), { code: 'ENOENT', syscall: 'open' });
    for (const error of [said, new Error('spawn xz ENOENT'), undefined, 'spawn']) {
      expect(startError(error, 'xz', '/none')).toBe(error);
    }
  });
});

describe('findProgram', () => {
  test('looks in the folders of PATH first, and never in a relative one', async ({ folder }) => {
    const program = join(folder, 'one/tool');
    await mkdir(join(folder, 'one'));
    await writeFile(program, '#!/bin/sh\n');
    vi.stubEnv('PATH', `one:.::${folder}/none:${folder}/one`);
    expect(findProgram('tool')).toBeUndefined();
    await chmod(program, 0o755);
    expect(findProgram('tool')).toBe(program);
    expect(findProgram('tool', ['/usr/bin'])).toBe(program);
    expect(findProgram('sh')).toBeUndefined();
    expect(findProgram('sh', ['/bin'])).toBe('/bin/sh');
    expect(findProgram(program)).toBe(program);
    expect(findProgram(join(folder, 'none'))).toBeUndefined();
  });

  test('takes no folder for a program', ({ folder }) => {
    expect(isProgram(folder)).toBe(false);
    expect(isProgram('/bin/sh')).toBe(true);
  });
});
