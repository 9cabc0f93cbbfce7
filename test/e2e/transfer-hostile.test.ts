import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, vi } from 'vitest';
import { startMultipass, type CommandResult, type RunningCommand } from '../support/command.js';
import { pretendGuest } from '../support/pretend-guest.js';
import { test as base } from '../support/store-fixture.js';

const SERVER = fileURLToPath(new URL('../support/hostile_sftp.py', import.meta.url));

interface Place {
  /** Where things are copied to; there is nothing in it. */
  readonly target: string;
  /** Beside it: no business of the guest's. */
  readonly outside: string;
  /** Begins to copy the folder `tree`, or what is named, of a guest that lies. */
  readonly begin: (lie: string, path?: string) => Promise<RunningCommand>;
  readonly copy: (lie: string, path?: string) => Promise<CommandResult>;
}

const test = base.extend<{ place: Place }>({
  place: async ({ store: { layout } }, use) => {
    const home = dirname(layout.root);
    const [target, outside] = [join(home, 'target'), join(home, 'outside')];
    await mkdir(target);
    await mkdir(outside);
    await writeFile(join(outside, 'precious'), 'precious');
    const begin: Place['begin'] = async (lie, from = 'tree') => {
      const { path } = await pretendGuest(
        layout,
        'web',
        `: >"$GUEST_HOME/begun"; exec python3 '${SERVER}' ${lie}`,
      );
      const args = ['transfer', '-r', `web:${from}`, 'target'];
      return startMultipass(args, { store: layout.root, cwd: home, env: { PATH: path } });
    };
    await use({
      target,
      outside,
      begin,
      copy: async (...lie) => await (await begin(...lie)).finished,
    });
    // Whatever it said.
    expect(await readdir(outside)).toEqual(['precious']);
    expect((await readdir(home)).toSorted()).toEqual([
      'bin',
      'home of web',
      'outside',
      'store',
      'target',
    ]);
    const left = await readdir(target, { recursive: true });
    expect(left.filter((name) => name.includes('.multipass-'))).toEqual([]);
  },
});

/** The lies by which a server cannot be taken for one any more, and what is said of them. */
const BROKEN: readonly (readonly [lie: string, said: string])[] = [
  ['slash', '"../evil" is no name of a file'],
  ['absolute', '"/tmp/evil" is no name of a file'],
  ['empty-name', '"" is no name of a file'],
  ['nul', String.raw`"a\u0000b" is no name of a file`],
  ['endless', 'it lists a folder without end'],
  ['no-names', 'it lists a folder without end'],
  ['many-counted', 'a message ends too early'],
  ['size-beyond', 'is too big'],
  ['too-much', 'it sent 11 bytes where it was asked for 10'],
  ['long-handle', 'a handle is too long'],
  ['stranger', 'it answers what nobody asked'],
  ['wrong-kind', 'it answers with a 102 in place of a 105'],
  ['long-message', 'it sent what is no message of SFTP'],
  ['cut', 'a message ends too early'],
  ['garbage', 'it sent what is no message of SFTP: "Welcome to this machine!"'],
];

describe('a server that lies', () => {
  test.for(BROKEN)('is not talked to any more: %s', async ([lie, said], { place }) => {
    const { stdout, stderr, exitCode } = await place.copy(lie);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toMatch(/^transfer failed: the SFTP server of "web" cannot be believed: /);
    expect(stderr).toContain(said);
  });

  test('has a tree end that has no end', async ({ place }) => {
    const { stderr, exitCode } = await place.copy('deep');
    expect(stderr).toContain('it lies more than 256 folders deep');
    expect(exitCode).toBe(2);
  });

  test('has no link made that leads out, nor a folder in its place', async ({ place }) => {
    const { stderr, exitCode } = await place.copy('twice');
    expect(stderr).toContain('warning: "web:tree/x" was left out: it is a link to "../outside"');
    expect(exitCode).toBe(0);
    expect(await readdir(join(place.target, 'tree'))).toEqual([]);
  });

  test('leaves out a link that leads out, and the rest goes on', async ({ place }) => {
    expect((await place.copy('link-out')).exitCode).toBe(0);
    expect(await readdir(join(place.target, 'tree'))).toEqual(['ok']);
  });

  test('gives as much as there is, whatever size it tells', async ({ place }) => {
    expect((await place.copy('size-huge')).exitCode).toBe(0);
    expect(await readFile(join(place.target, 'tree', 'f'), 'utf8')).toBe('0123456789');
  });

  test('gives no more than the size that it tells', async ({ place }) => {
    expect((await place.copy('size-small')).exitCode).toBe(0);
    expect(await readFile(join(place.target, 'tree', 'f'), 'utf8')).toBe('x'.repeat(10));
  });

  test('makes nothing set-user-ID, nor what everybody may write to', async ({ place }) => {
    expect((await place.copy('set-uid')).exitCode).toBe(0);
    const umask = 0o022;
    expect((await stat(join(place.target, 'tree', 'f'))).mode & 0o7777).toBe(0o777 & ~umask);
    expect((await stat(join(place.target, 'tree', 'd'))).mode & 0o7777).toBe(0o777 & ~umask);
  });

  test('has no pipe read that it calls a file', async ({ place }) => {
    const { stderr, exitCode } = await place.copy('fifo');
    expect(stderr).toContain('cannot read "web:tree/f": it is no file');
    expect(stderr).toContain('warning: "web:tree/p" was left out');
    expect(exitCode).toBe(2);
  });

  test('steers no terminal with its words', async ({ place }) => {
    const { stderr, exitCode } = await place.copy('words');
    expect(stderr).toContain(
      'cannot read "web:tree/f": the instance says: \uFFFD[2Jboo\uFFFD\uFFFD',
    );
    expect(exitCode).toBe(2);
  });

  test('that says nothing is left at Ctrl-C', async ({ place }) => {
    const running = await place.begin('hang');
    await vi.waitFor(() => stat(join(place.target, '..', 'home of web', 'begun')), 30_000);
    running.signalGroup('SIGINT');
    const { stderr, exitCode } = await running.finished;
    expect(stderr).toBe('transfer failed: interrupted by SIGINT\n');
    expect(exitCode).toBe(130);
  });
});

describe('what is at the target', () => {
  test('is not followed: a link in the place of a folder', async ({ place }) => {
    await mkdir(join(place.target, 'tree'));
    await symlink(place.outside, join(place.target, 'tree', 'd'));
    const { stderr, exitCode } = await place.copy('set-uid');
    expect(stderr).toMatch(
      /cannot write "target\/tree\/d": (?:it is a link|something there is no folder)/,
    );
    expect(exitCode).toBe(2);
  });

  test('is replaced, and not followed: a link in the place of a file', async ({ place }) => {
    await mkdir(join(place.target, 'tree'));
    await symlink(join(place.outside, 'precious'), join(place.target, 'tree', 'ok'));
    expect((await place.copy('plain')).exitCode).toBe(0);
    expect((await lstat(join(place.target, 'tree', 'ok'))).isFile()).toBe(true);
    expect(await readFile(join(place.outside, 'precious'), 'utf8')).toBe('precious');
  });
});
