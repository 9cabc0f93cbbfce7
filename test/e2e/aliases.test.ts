import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { BIN } from '../support/bin.js';
import { environment, multipass, type CommandResult } from '../support/command.js';
import { makeInstance, test as base } from '../support/store-fixture.js';

interface World {
  /** Runs the command, with the folder of the aliases in PATH. */
  readonly run: (...words: readonly string[]) => Promise<CommandResult>;
  readonly list: () => Promise<Record<string, Record<string, unknown>>>;
}

const test = base.extend<{ world: World }>({
  world: async ({ store: { layout } }, use) => {
    await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
    const env = { PATH: `${process.env['PATH']}${delimiter}${layout.bin}` };
    const run: World['run'] = (...words) => multipass(words, { store: layout.root, env });
    const list: World['list'] = async () => {
      const { stdout } = await run('aliases', '--format', 'json');
      return (JSON.parse(stdout) as { contexts: Record<string, Record<string, unknown>> }).contexts;
    };
    await use({ run, list });
  },
});

const SILENT = { stdout: '', stderr: '', exitCode: 0 };
const UNKNOWN = `Error: Unknown command or alias 'lsw' (try "multipass help" or "multipass aliases")\n`;
const LSW = { command: 'ls', instance: 'web', 'working-directory': 'map' };

describe('alias', () => {
  test('gives a command a name, in the context that is preferred', async ({ world, store }) => {
    const { run, list } = world;
    expect(await run('aliases')).toEqual({ ...SILENT, stdout: 'No aliases defined.\n' });
    expect(await run('alias', 'web:ls', 'lsw')).toEqual(SILENT);
    expect(await run('prefer', 'work')).toEqual(SILENT);
    expect(await run('alias', '-n', 'web:top')).toEqual(SILENT);
    expect(await run('alias', 'web:ls', 'lsw')).toEqual(SILENT);
    expect((await run('aliases')).stdout).toBe(
      'Alias   Instance   Command   Context   Working directory\n' +
        'lsw     web        ls        default   map\n' +
        'lsw     web        ls        work*     map\n' +
        'top     web        top       work*     default\n',
    );
    const names = ['.run-alias', 'default.lsw', 'lsw', 'top', 'work.lsw', 'work.top'];
    expect((await readdir(store.layout.bin)).sort()).toEqual(names);
    expect(await run('unalias', 'lsw', 'default.lsw')).toEqual(SILENT);
    expect((await readdir(store.layout.bin)).sort()).toEqual(['.run-alias', 'top', 'work.top']);
    expect(Object.keys((await list())['work'] ?? {})).toEqual(['top']);
    expect(await run('unalias', '--all')).toEqual(SILENT);
    expect(await list()).toEqual({ work: {} });
    expect(await readdir(store.layout.bin)).toEqual(['.run-alias']);
  });

  test('tells how to find it, while its folder is not in PATH', async ({ world, store }) => {
    const { layout } = store;
    const words = ['alias', 'web:ls', 'lsw'];
    const { stderr, ...rest } = await multipass(words, { store: layout.root });
    expect(rest).toEqual({ stdout: '', exitCode: 0 });
    expect(stderr).toContain(`\nPATH="$PATH:${layout.bin}"\n`);
    expect((await world.run('aliases', '--format', 'csv')).stdout).toBe(
      'Alias,Instance,Command,Working directory,Context\nlsw,web,ls,map,default*\n',
    );
  });

  test.for<[words: string, exitCode: number, said: string]>([
    ['alias', 1, 'Wrong number of arguments given\n'],
    ['alias web:ls a b', 1, 'Wrong number of arguments given\n'],
    ['alias web', 1, 'No command given\n'],
    ['alias web:', 1, 'No command given\n'],
    ['alias :ls', 1, 'No instance name given\n'],
    ['alias web:/bin/ls', 1, 'Alias has to be a valid filename\n'],
    ['alias web:ls ..', 1, 'Alias has to be a valid filename\n'],
    ['alias web:ls .hidden', 1, 'Alias has to be a valid filename\n'],
    ['alias web:ls -- -x', 1, 'Alias has to be a valid filename\n'],
    ['alias web:list', 1, "Alias name 'list' clashes with a command name\n"],
    ['alias web:ls sh', 1, "Alias name 'sh' clashes with a command name\n"],
    ['alias web:true lsw', 1, "Alias 'lsw' already exists in current context\n"],
    ['alias nope:true', 2, 'alias failed: instance "nope" does not exist\n'],
    ['alias gone:true', 2, 'alias failed: instance "gone" is deleted\n'],
    ['unalias', 1, 'Name argument or --all is required\n'],
    ['unalias --all a', 1, 'Cannot specify name when --all option set\n'],
    ['unalias --all a b', 1, 'Cannot specify names when --all option set\n'],
    ['unalias lsw nope', 1, 'Nonexistent alias: nope.\n'],
    ['unalias nope lsw none', 1, 'Nonexistent aliases: nope, none.\n'],
    ['prefer', 1, 'Wrong number of arguments given\n'],
    ['prefer a b', 1, 'Wrong number of arguments given\n'],
    ['prefer a/b', 1, 'Context has to be a valid filename\n'],
    ['aliases a', 1, 'This command takes no arguments\n'],
  ])('refuses: %s', async ([words, exitCode, said], { world }) => {
    await world.run('alias', 'web:ls', 'lsw');
    const { stderr, ...rest } = await world.run(...words.split(' '));
    expect(rest).toEqual({ stdout: '', exitCode });
    expect(stderr.slice(0, said.length)).toBe(said);
    expect(await world.list()).toEqual({ default: { lsw: LSW } });
  });

  test('is not lost among many who make one at once', async ({ world }) => {
    const names = Array.from({ length: 8 }, (_, number) => `ls${number}`);
    await Promise.all(names.map((name) => world.run('alias', 'web:ls', name)));
    expect(Object.keys((await world.list())['default'] ?? {})).toEqual(names);
  });

  test('has no record that cannot be read, and says where that is', async ({ world, store }) => {
    const { layout } = store;
    await writeFile(layout.aliasesFile, '{"format": 1, "active": 7}');
    for (const words of [['aliases'], ['alias', 'web:true'], ['unalias', 'a'], ['prefer', 'a']]) {
      const { stderr, exitCode } = await world.run(...words);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`cannot read "${layout.aliasesFile}" at /active: expected a string`);
    }
    expect(await readFile(layout.aliasesFile, 'utf8')).toBe('{"format": 1, "active": 7}');
    const { stderr } = await world.run('delete', '--purge', 'gone');
    expect(stderr).toMatch(/^.*the aliases stay as they are: cannot read /);
    expect(await world.run('list')).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

describe('the instance of an alias', () => {
  test('keeps it when it is renamed', async ({ world }) => {
    await world.run('alias', 'web:ls', 'lsw');
    await world.run('rename', 'web', 'shop');
    expect(await world.list()).toEqual({ default: { lsw: { ...LSW, instance: 'shop' } } });
    await world.run('delete', '--purge', 'gone');
    expect(Object.keys((await world.list())['default'] ?? {})).toEqual(['lsw']);
    await world.run('delete', 'shop');
    expect((await world.run('lsw')).stderr).toContain("Instance 'shop' is deleted.");
  });

  test('takes it along when it is purged, and not before', async ({ world, store }) => {
    await world.run('alias', 'web:ls', 'lsw');
    await world.run('delete', 'web');
    expect(Object.keys((await world.list())['default'] ?? {})).toEqual(['lsw']);
    await world.run('purge');
    expect(await world.list()).toEqual({ default: {} });
    expect(await readdir(store.layout.bin)).toEqual(['.run-alias']);
    expect(await world.run('lsw')).toMatchObject({ exitCode: 1, stdout: UNKNOWN });
  });

  test('leaves none to another one of that name', async ({ world, store }) => {
    const { layout } = store;
    await world.run('alias', 'web:ls', 'lsw');
    // As if it had been purged by a command that was killed before it came to the aliases.
    await rename(layout.instance('web').path, join(dirname(layout.root), 'elsewhere'));
    await makeInstance(layout, 'web', { data: 0 });
    expect(await world.run('lsw')).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/^instance "web" does not exist\n/) as string,
      exitCode: 2,
    });
    await world.run('delete', '--purge', 'gone');
    expect(await world.list()).toEqual({ default: {} });
  });
});

describe('an alias that is run', () => {
  // A deleted instance says how far the command came; a guest runs some in guests/mounts.test.ts.
  test('is exec on its instance', async ({ world }) => {
    await world.run('alias', 'web:ls', 'lsw');
    await world.run('prefer', 'work');
    await world.run('delete', 'web');
    const deleted = { exitCode: 2, stderr: expect.stringContaining('exec failed: ') as string };
    for (const words of [['default.lsw'], ['default.lsw', '--', '-l'], ['-v', 'default.lsw']]) {
      expect(await world.run(...words)).toMatchObject(deleted);
    }
    expect((await world.run('lsw')).stdout).toBe(UNKNOWN);
    await world.run('prefer', 'default');
    expect(await world.run('lsw', '--help')).toMatchObject(deleted);
  });

  test('is run by its name alone, in the store that its folder is in', async ({ world, store }) => {
    const { layout } = store;
    await world.run('alias', 'web:ls', 'lsw');
    await world.run('delete', 'web');
    const programs = join(dirname(layout.root), 'programs');
    await mkdir(programs);
    await symlink(BIN, join(programs, 'multipass'));
    const moved = join(dirname(layout.root), 'a moved $store');
    await rename(layout.root, moved);
    for (const name of ['lsw', 'default.lsw']) {
      const path = [programs, join(moved, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'];
      const child = spawn(name, ['a'], {
        env: { ...environment({ store: '/nowhere/store' }), PATH: path.join(delimiter) },
      });
      expect(await text(child.stderr)).toContain("exec failed: Instance 'web' is deleted.");
    }
  });

  test('is none when there is no store', async ({ root }) => {
    expect(await multipass(['lsw'], { store: root })).toMatchObject({
      stdout: UNKNOWN,
      exitCode: 1,
    });
    expect(await multipass(['aliases'], { store: root })).toMatchObject({
      stdout: 'No aliases defined.\n',
      exitCode: 0,
    });
    expect((await multipass(['unalias', 'lsw'], { store: root })).exitCode).toBe(1);
    await expect(readdir(root)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('options before the command', () => {
  test('are those of the command', async ({ world }) => {
    const json = await world.run('list', '--format=json');
    expect(await world.run('--format=json', 'list')).toEqual(json);
    expect(await world.run('-v', '--format=json', 'list')).toMatchObject({ stdout: json.stdout });
    expect(await world.run('--help', 'list')).toEqual(await world.run('list', '--help'));
    expect(await world.run('--nope', 'list')).toMatchObject({
      stderr: expect.stringContaining("Unknown option 'nope'.\n") as string,
      exitCode: 1,
    });
  });
});
