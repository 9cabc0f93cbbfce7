import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { geteuid } from 'node:process';
import { describe, expect, vi } from 'vitest';
import { run } from '../../src/process/run.js';
import {
  multipass,
  startMultipass,
  type CommandOptions,
  type CommandResult,
} from '../support/command.js';
import { pretendGuest, SFTP_SERVER } from '../support/pretend-guest.js';
import { makeStrangeTree, tellTree } from '../support/strange-tree.js';
import { makeInstance, test as base } from '../support/store-fixture.js';

interface Place {
  /** The working directory of the command. */
  readonly here: string;
  /** The user's home in the guest. */
  readonly home: string;
  /** Runs `transfer` with these arguments. */
  readonly transfer: (
    args: readonly string[],
    options?: Partial<CommandOptions>,
  ) => Promise<CommandResult>;
  /** The same, for what must work without a word. */
  readonly ok: (...args: readonly string[]) => Promise<void>;
}

const test = base.extend<{ place: Place }>({
  place: async ({ store: { layout } }, use) => {
    const { home, path } = await pretendGuest(layout, 'web');
    const here = join(dirname(layout.root), 'here');
    await mkdir(here);
    const transfer: Place['transfer'] = (args, options) =>
      multipass(['transfer', ...args], {
        store: layout.root,
        cwd: here,
        env: { PATH: path },
        ...options,
      });
    await use({
      here,
      home,
      transfer,
      ok: async (...args) => {
        expect(await transfer(args)).toEqual({ stdout: '', stderr: '', exitCode: 0 });
      },
    });
  },
});

/** Hands on so many bytes, each as it comes, and hangs up. */
const CUT = `python3 -c '
import os
left = 3000000
while left and (data := os.read(0, min(left, 65536))):
    left -= len(data)
    while data:
        data = data[os.write(1, data):]
'`;

/** Fails when anything half-made is in a folder. */
async function expectNoDrafts(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  expect(names.filter((name) => name.includes('.multipass-'))).toEqual([]);
}

const text = async (...path: readonly string[]): Promise<string> =>
  await readFile(join(...path), 'utf8');

describe('a target', () => {
  test('that is a folder gets what is copied by its own name', async ({ place }) => {
    const { here, home, ok } = place;
    await writeFile(join(here, 'a'), 'A');
    await mkdir(join(home, 'folder'));
    await ok('a', 'web:');
    await ok('a', 'web:folder');
    await ok('a', `web:${home}/folder/`);
    await ok('web:a', 'web:folder/a', 'web:folder', '.', '-r');
    expect(await text(home, 'a')).toBe('A');
    expect(await text(home, 'folder', 'a')).toBe('A');
    expect(await text(here, 'folder', 'a')).toBe('A');
  });

  test('that is none gives its name, and what has that is replaced', async ({ place }) => {
    const { here, home, ok } = place;
    await writeFile(join(here, 'a'), 'A');
    await writeFile(join(home, 'b'), 'old and longer');
    await ok('a', 'web:b');
    expect(await text(home, 'b')).toBe('A');
    await ok('web:b', 'c');
    await ok('web:b', 'c');
    expect(await text(here, 'c')).toBe('A');
  });

  test('that is missing is made with --parents alone', async ({ place }) => {
    const { here, home, ok, transfer } = place;
    await writeFile(join(here, 'a'), 'A');
    expect(await transfer(['a', 'web:x/y/a'])).toMatchObject({
      stderr: expect.stringMatching(
        /^transfer failed: cannot write "web:x\/y\/a": there is no such file or folder\n/,
      ) as string,
      exitCode: 2,
    });
    await ok('-p', 'a', 'web:x/y/a');
    await ok('--parents', 'a', 'web:z/');
    await ok('-p', 'web:x/y/a', 'web:z/a', 'i/j');
    await ok('-p', 'web:x/y/a', 'k/l');
    expect(await text(home, 'x', 'y', 'a')).toBe('A');
    expect(await text(home, 'z', 'a')).toBe('A');
    expect(await text(here, 'i', 'j', 'a')).toBe('A');
    expect(await text(here, 'k', 'l')).toBe('A');
    // Where Node's own way of making parents never ends.
    expect(await transfer(['-p', 'web:z/a', '/proc/none/b'])).toMatchObject({
      stderr: expect.stringContaining('cannot write "/proc/none/b"') as string,
      exitCode: 2,
    });
  });

  test.for([
    [['a', 'b', 'web:missing'], '"web:missing": there is no such folder'],
    [['a', 'b', 'web:file'], '"web:file": it is no folder'],
    [['a', 'web:missing/'], '"web:missing/": there is no such folder'],
    [['web:file', 'web:file', 'a'], '"a": it is no folder'],
    [['web:file', 'missing/'], '"missing/": there is no such folder'],
    [['-r', '.', 'web:file'], '"web:file": it is no folder'],
    [['-r', 'web:.', 'a'], '"a": it is no folder'],
    [['-', 'web:'], '"web:.": it is a folder'],
  ] as const)('that has to be something else is told: %s', async ([args, said], { place }) => {
    for (const name of ['a', 'b']) await writeFile(join(place.here, name), name);
    await writeFile(join(place.home, 'file'), 'file');
    const { stderr, exitCode } = await place.transfer(args);
    expect(stderr).toContain(`transfer failed: cannot write ${said}\n  hint: `);
    expect(exitCode).toBe(2);
    expect(await text(place.home, 'file')).toBe('file');
  });

  test('that is a link to a file is written by way of it', async ({ place }) => {
    const { here, home, ok } = place;
    await writeFile(join(here, 'a'), 'A');
    for (const folder of [here, home]) {
      await writeFile(join(folder, 'real'), 'old');
      await symlink('real', join(folder, 'link'));
    }
    await ok('a', 'web:link');
    await ok('web:real', 'link');
    expect([await text(home, 'real'), await text(here, 'real')]).toEqual(['A', 'A']);
  });

  test('that is a device is written to', async ({ place }) => {
    await writeFile(join(place.here, 'a'), 'A');
    await place.ok('a', 'web:/dev/null');
    await place.ok('web:/etc/passwd', '/dev/null');
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });
});

describe('a tree', () => {
  test(
    'with names of every kind arrives whole, both ways',
    { timeout: 120_000 },
    async ({ place }) => {
      const { here, home, ok } = place;
      const tree = join(here, 'tree');
      await makeStrangeTree(tree, 300);
      const told = await tellTree(tree);
      expect(told).toContain(' with holes');
      await ok('-r', 'tree', 'web:');
      expect(await tellTree(join(home, 'tree'))).toBe(told);
      await ok('--recursive', 'web:tree', 'back');
      expect(await tellTree(join(here, 'back'))).toBe(told);
      // Over what is there, and its contents alone.
      await ok('-r', 'tree', 'web:');
      await ok('-r', 'web:tree/.', 'back');
      expect(await tellTree(join(home, 'tree'))).toBe(told);
      expect(await tellTree(join(here, 'back'))).toBe(told);
    },
  );

  test('is refused without --recursive', async ({ place }) => {
    for (const [args, which] of [
      [['.', 'web:x'], '"."'],
      [['web:.', 'x'], '"web:."'],
    ] as const) {
      const { stderr, exitCode } = await place.transfer(args);
      expect(stderr).toContain(`transfer failed: cannot read ${which}: it is a folder\n`);
      expect(stderr).toContain('hint: Copy folders, with all that is in them, with --recursive.');
      expect(exitCode).toBe(2);
    }
  });

  test('is copied but for what fails, which is told by file', async ({ place }) => {
    const { here, home, transfer } = place;
    await mkdir(join(here, 'tree', 'sub'), { recursive: true });
    for (const name of ['a', 'b', 'c']) await writeFile(join(here, 'tree', name), name);
    await mkdir(join(home, 'tree', 'a'), { recursive: true });
    await writeFile(join(home, 'tree', 'sub'), 'in the way');
    const up = await transfer(['-r', 'tree', 'gone', 'web:']);
    expect(up.stderr.split('\n  hint')[0]).toBe(
      [
        'transfer failed: The following errors occurred:',
        'cannot write "web:./tree/a": it is a folder',
        'cannot write "web:./tree/sub": it is no folder',
        'cannot read "gone": there is no such file or folder',
      ].join('\n'),
    );
    expect(up.exitCode).toBe(2);
    expect(await text(home, 'tree', 'c')).toBe('c');
    const down = await transfer(['-r', 'web:gone', 'web:tree', '.']);
    expect(down.stderr).toContain('cannot read "web:gone": there is no such file or folder\n');
    expect(down.stderr).toContain('cannot write "./tree/a": something there is no folder\n');
    expect(down.exitCode).toBe(2);
    for (const folder of [here, home]) await expectNoDrafts(folder);
  });

  test.runIf(geteuid!() !== 0)('may hold what nobody may read', async ({ place }) => {
    await writeFile(join(place.here, 'secret'), '');
    await chmod(join(place.here, 'secret'), 0);
    expect((await place.transfer(['secret', 'web:'])).stderr).toContain('permission denied');
  });

  test('is copied without pipes and sockets, which is told', async ({ place }) => {
    await mkdir(join(place.here, 'tree'));
    await run('mkfifo', [join(place.here, 'tree', 'pipe')]);
    expect(await place.transfer(['-r', 'tree', 'web:'])).toEqual({
      stdout: '',
      stderr: 'warning: "tree/pipe" was left out: it is no file, folder or link\n',
      exitCode: 0,
    });
  });
});

describe('streams', () => {
  test('are files that have no name here', async ({ place }) => {
    const { here, home, ok, transfer } = place;
    const data = randomBytes(1_000_003);
    await writeFile(join(here, 'data'), data);
    const sh = (line: string) => ({ through: ['sh', '-c', line, 'sh'] });
    const silent = { stdout: '', stderr: '', exitCode: 0 };
    expect(await transfer(['-', 'web:there'], sh('exec "$@" <data'))).toEqual(silent);
    expect(data.equals(await readFile(join(home, 'there')))).toBe(true);
    expect(await transfer(['web:there', '-'], sh('exec "$@" >back'))).toEqual(silent);
    expect(data.equals(await readFile(join(here, 'back')))).toBe(true);
    await ok('-p', '-', 'web:some/where/empty');
    expect(await text(home, 'some', 'where', 'empty')).toBe('');
    // What tells no size, as all of /proc.
    expect((await transfer(['web:/proc/version', '-'])).stdout).toBe(await text('/proc/version'));
  });
});

describe('a transfer that is cut', () => {
  test('leaves the old file where there was one, and no half one', async ({
    place,
    store: { layout },
  }) => {
    const { here, home, transfer } = place;
    const big = randomBytes(8 * 1024 ** 2);
    for (const folder of [here, home]) {
      await writeFile(join(folder, 'big'), big);
      await writeFile(join(folder, 'old'), 'old');
    }
    await pretendGuest(layout, 'up', `${CUT} | ${SFTP_SERVER} -d "$GUEST_HOME/../home of web"`);
    const up = await transfer(['big', 'up:old']);
    expect(up.stderr).toMatch(/^transfer failed: "up" has no SFTP server that answers: /);
    expect(up.exitCode).toBe(2);
    expect(await text(home, 'old')).toBe('old');
    const script = `${SFTP_SERVER} -d "$GUEST_HOME/../home of web" | ${CUT}; echo closed >&2; exit 255`;
    await pretendGuest(layout, 'down', script);
    const down = await transfer(['down:big', 'old']);
    expect(down.stderr).toContain('transfer failed: cannot enter "down" by ssh: closed\n');
    expect(down.exitCode).toBe(2);
    expect(await text(here, 'old')).toBe('old');
    await expectNoDrafts(here);
  });

  test('by Ctrl-C cleans up in the guest, too', async ({ place, store: { layout } }) => {
    const { here, home } = place;
    await pretendGuest(layout, 'web');
    const path = join(dirname(layout.root), 'bin');
    const slow = startMultipass(['transfer', '-', 'web:file'], {
      store: layout.root,
      cwd: here,
      env: { PATH: `${path}:${process.env['PATH'] ?? ''}` },
      through: ['sh', '-c', '(echo half; exec sleep 1000) | "$@"', 'sh'],
    });
    await vi.waitFor(async () => expect(await readdir(home)).toHaveLength(1), 30_000);
    slow.signalGroup('SIGINT');
    const { stderr, exitCode } = await slow.finished;
    expect(stderr).toContain('transfer failed: interrupted by SIGINT\n');
    expect(exitCode).toBe(130);
    expect(await readdir(home)).toEqual([]);
  });
});

describe('an instance', () => {
  test('has to run', async ({ place, store: { layout } }) => {
    await makeInstance(layout, 'stopped', { data: 0 });
    await writeFile(join(place.here, 'a'), 'A');
    expect(await place.transfer(['a', 'stopped:'])).toEqual({
      stdout: '',
      stderr:
        "transfer failed: Instance 'stopped' is not running\n  hint: Start it with `multipass start stopped`.\n",
      exitCode: 2,
    });
    expect((await place.transfer(['nope:a', '.'])).stderr).toMatch(
      /^transfer failed: instance "nope" does not exist\n/,
    );
  });

  test('without an SFTP server is told what it lacks', async ({ place, store: { layout } }) => {
    await pretendGuest(
      layout,
      'bare',
      'echo "subsystem request failed on channel 0" >&2; exit 255',
    );
    const { stderr, exitCode } = await place.transfer(['bare:a', '.']);
    expect(stderr).toMatch(
      /^transfer failed: "bare" has no SFTP server that answers: subsystem request failed/,
    );
    expect(stderr).toContain('multipass exec bare -- sudo apt-get install -y openssh-sftp-server');
    expect(exitCode).toBe(2);
  });

  test('may be one of several that files are copied from', async ({ place, store: { layout } }) => {
    await writeFile(join(place.home, 'a'), 'A');
    await pretendGuest(layout, 'db');
    await writeFile(join(place.home, '..', 'home of db', 'b'), 'B');
    // The ssh of the last one leads to its home alone.
    await place.ok('db:b', 'db:b', '.');
    expect(await text(place.here, 'b')).toBe('B');
  });
});

test('a file that many pieces make is the same at the end', async ({ place }) => {
  const { here, home, ok } = place;
  const file = await open(join(here, 'big'), 'w');
  const digest = createHash('sha256');
  for (let at = 0; at < 40; at += 1) {
    const piece = randomBytes(1024 ** 2 + at);
    digest.update(piece);
    await file.write(piece);
  }
  await file.close();
  const expected = digest.digest('hex');
  await ok('big', 'web:big');
  await ok('web:big', 'again');
  for (const path of [join(home, 'big'), join(here, 'again')]) {
    expect(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ).toBe(expected);
  }
});
