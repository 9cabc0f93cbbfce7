import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base, vi } from 'vitest';
import { findProgram } from '../../src/process/programs.js';
import { run } from '../../src/process/run.js';
import { sandboxWords, type Sandbox } from '../../src/process/sandbox.js';

interface Place {
  /** A folder with a comma and a blank in its name, and a file `mine` in it. */
  readonly home: string;
  /** Runs a line of shell in a sandbox. @returns what it said, errors too */
  readonly inside: (line: string, sandbox?: Partial<Sandbox>) => Promise<string>;
}

const PROGRAMS = ['sh', 'cat', 'ls', 'env'].map((name) => findProgram(name) ?? name);
const ALL_CODES = Array.from({ length: 256 }, (_, code) => code);

const test = base.extend<{ place: Place }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  place: async ({}, use) => {
    const home = await mkdtemp(join(tmpdir(), 'multipass-ts sandbox, '));
    await writeFile(join(home, 'mine'), 'mine\n');
    const inside: Place['inside'] = async (line, sandbox = {}) => {
      const [first, ...words] = await sandboxWords({ programs: PROGRAMS, ...sandbox });
      const command = [...words, PROGRAMS[0] ?? '', '-c', `exec 2>&1; ${line}`];
      return (await run(first, command, { okExitCodes: ALL_CODES })).stdout;
    };
    await use({ home, inside });
    await rm(home, { recursive: true });
  },
});

describe('a sandbox', () => {
  test('holds its programs, and nothing else of the host', async ({ place }) => {
    const { home, inside } = place;
    expect(await inside('echo here')).toBe('here');
    expect(await inside(`cat '${home}/mine'`)).toContain('No such file');
    expect(await inside('cat /etc/passwd')).toContain('No such file');
    expect((await inside('ls /')).split('\n')).not.toContain('home');
    expect(await inside('ls /proc')).toContain('No such file');
  });

  test('holds what it is given to read, which cannot be written to', async ({ place }) => {
    const { home, inside } = place;
    const file = join(home, 'mine');
    const readOnly = [file, { from: file, to: '/other/name' }];
    expect(await inside(`cat '${file}' /other/name; echo x >'${file}'`, { readOnly })).toMatch(
      /^mine\nmine\n.*Read-only file system/,
    );
    expect(await readFile(file, 'utf8')).toBe('mine\n');
    expect(await inside(`echo x >'${home}/new'`, { readOnly })).toMatch(/Read-only/);
  });

  test('holds what it is given to write to, but for files in it that can be read only', async ({
    place,
  }) => {
    const { home, inside } = place;
    const file = join(home, 'mine');
    const sandbox = { writable: [home], readOnly: [file] };
    expect(await inside(`echo x >'${home}/new'; echo x >'${file}'`, sandbox)).toMatch(/Read-only/);
    expect(await readFile(join(home, 'new'), 'utf8')).toBe('x\n');
    expect(await readFile(file, 'utf8')).toBe('mine\n');
  });

  test('has its root to read only', async ({ place }) => {
    expect(await place.inside('echo x >/x')).toContain('Read-only file system');
  });

  test('has no environment but what it is given', async ({ place }) => {
    vi.stubEnv('SECRET', 'password');
    const env = await place.inside('env', { env: { MINE: 'yes' } });
    vi.unstubAllEnvs();
    expect(env).not.toContain('password');
    expect(env.split('\n')).toEqual(expect.arrayContaining(['MINE=yes', 'LC_ALL=C']));
  });

  test('hands on open files', async ({ place }) => {
    const [first, ...words] = await sandboxWords({ programs: PROGRAMS });
    await using file = await open(join(place.home, 'mine'));
    const command = [...words, PROGRAMS[0] ?? '', '-c', 'cat <&3'];
    expect((await run(first, command, { fd3: file.fd })).stdout).toBe('mine');
  });

  test('ends with whoever started it', async ({ place }) => {
    const { home } = place;
    const words = await sandboxWords({ programs: PROGRAMS, writable: [home] });
    const loop = `while :; do echo . >>'${home}/beats'; done`;
    // A shell of its own, which is killed: its end is the sandbox's.
    const quoted = [...words, PROGRAMS[0] ?? '', '-c', loop].map(
      (word) => `'${word.replaceAll("'", `'\\''`)}'`,
    );
    const starter = spawn('/bin/sh', ['-c', `${quoted.join(' ')}; true`], { stdio: 'ignore' });
    const beats = async (): Promise<number> =>
      (await readFile(join(home, 'beats')).catch(() => Buffer.alloc(0))).length;
    await vi.waitUntil(async () => (await beats()) > 0, { timeout: 20_000 });
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    const isStill = async (): Promise<boolean> => {
      const before = await beats();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return before === (await beats());
    };
    await vi.waitUntil(isStill, { timeout: 20_000 });
  });
});
