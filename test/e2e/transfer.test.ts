import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { multipass } from '../support/command.js';
import { pretendGuest } from '../support/pretend-guest.js';
import { test } from '../support/store-fixture.js';

describe('transfer', () => {
  test('copies there and back', async ({ store: { layout } }) => {
    const { home, path } = await pretendGuest(layout, 'web');
    const here = join(dirname(layout.root), 'here');
    await mkdir(here);
    await writeFile(join(here, 'a'), 'hello');
    const go = (...args: string[]) => multipass(['transfer', ...args], { store: layout.root, cwd: here, env: { PATH: path } });
    expect(await go('a', 'web:')).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(await readFile(join(home, 'a'), 'utf8')).toBe('hello');
    expect(await go('web:a', 'b')).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(await readFile(join(here, 'b'), 'utf8')).toBe('hello');
  });
});
