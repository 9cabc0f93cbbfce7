import { spawnSync } from 'node:child_process';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quickCommands } from '../../../src/cli/commands/quick.js';
import { NODE_BIN } from '../../support/bin.js';

let folder: string;
let cache: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'code-cache-'));
  cache = join(folder, 'cache');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command, or another copy of it, with a code cache of our own. */
function run(
  args: readonly string[],
  {
    env = {},
    bin = NODE_BIN,
    flags = [],
  }: { env?: NodeJS.ProcessEnv; bin?: string; flags?: string[] } = {},
): Ran {
  const variables = {
    PATH: process.env['PATH'],
    HOME: folder,
    MULTIPASS_STORAGE: join(folder, 'store'),
    MULTIPASS_TS_CODE_CACHE: cache,
    ...env,
  };
  return spawnSync(process.execPath, [...flags, bin, ...args], {
    env: variables,
    encoding: 'utf8',
  });
}

const WORKS: Ran = expect.objectContaining({
  status: 0,
  stdout: expect.stringContaining('multipass') as string,
  stderr: '',
}) as Ran;

/** The one file in the cache, once the command has run. */
async function cacheFile(): Promise<string> {
  const names = await readdir(cache);
  expect(names).toHaveLength(1);
  return join(cache, names[0]!);
}

async function wordsIn(file: string): Promise<string[]> {
  const [head = ''] = (await readFile(file, 'latin1')).split('\n');
  return head.split('\t').at(-1)!.split(' ');
}

describe('the code cache', () => {
  it('is written by the first run of a command, and not by the next one', async () => {
    expect(run(['version'])).toEqual(WORKS);
    const file = await cacheFile();
    expect(await wordsIn(file)).toEqual(['version']);
    const { ino } = await stat(file);
    expect(run(['version'])).toEqual(WORKS);
    expect((await stat(await cacheFile())).ino).toBe(ino);
  });

  it('learns each further command', async () => {
    run(['version']);
    run(['list']);
    const file = await cacheFile();
    expect(await wordsIn(file)).toEqual(['version', 'list']);
    // Not what is no command's name.
    run(['list', '--help']);
    expect(await wordsIn(file)).toEqual(['version', 'list']);
  });

  it('is one file for each program, and private', async () => {
    run(['version']);
    run(['info']);
    const names = await readdir(cache);
    expect(names).toHaveLength(2);
    for (const name of names) expect((await stat(join(cache, name))).mode & 0o777).toBe(0o600);
    expect((await stat(cache)).mode & 0o777).toBe(0o700);
  });

  it('is below XDG_CACHE_HOME, or .cache at home', async () => {
    const unset = { MULTIPASS_TS_CODE_CACHE: undefined };
    run(['version'], { env: unset });
    expect(await readdir(join(folder, '.cache/multipass-ts/code'))).toHaveLength(1);
    run(['version'], { env: { ...unset, XDG_CACHE_HOME: join(folder, 'xdg') } });
    expect(await readdir(join(folder, 'xdg/multipass-ts/code'))).toHaveLength(1);
  });

  it.each([
    ['an empty variable', { MULTIPASS_TS_CODE_CACHE: '' }],
    ['a relative folder', { MULTIPASS_TS_CODE_CACHE: 'cache' }],
    ['no home', { MULTIPASS_TS_CODE_CACHE: undefined, HOME: '' }],
    ['coverage', { NODE_V8_COVERAGE: '' }],
  ])('is not used with %s', async (_, env) => {
    expect(run(['version'], { env })).toEqual(WORKS);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not used, nor mended, where others could write into it', async () => {
    await mkdir(cache);
    await chmod(cache, 0o777);
    expect(run(['version'])).toEqual(WORKS);
    expect(await readdir(cache)).toEqual([]);
    await chmod(cache, 0o700);
    run(['version']);
    const file = await cacheFile();
    await chmod(file, 0o666);
    expect(run(['version'])).toEqual(WORKS);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.runIf(process.geteuid?.() === 0)('leaves nothing in a home of somebody else', async () => {
    await chown(folder, 65534, 65534);
    const env = { MULTIPASS_TS_CODE_CACHE: undefined };
    expect(run(['version'], { env })).toEqual(WORKS);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not used where it is another folder’s link', async () => {
    await mkdir(join(folder, 'other'), { mode: 0o700 });
    await symlink(join(folder, 'other'), cache);
    expect(run(['version'])).toEqual(WORKS);
    expect(await readdir(join(folder, 'other'))).toEqual([]);
  });

  it('is no matter where it cannot be written', async () => {
    await writeFile(cache, '');
    expect(run(['version'])).toEqual(WORKS);
    expect(run(['version'], { env: { MULTIPASS_TS_CODE_CACHE: '/proc/none' } })).toEqual(WORKS);
  });

  const damages: Record<string, (file: string) => Promise<void>> = {
    'cut off': async (file) => truncate(file, (await stat(file)).size - 100),
    'cut off in its first line': (file) => truncate(file, 10),
    empty: (file) => truncate(file, 0),
    'of zeros': async (file) => writeFile(file, Buffer.alloc((await stat(file)).size)),
    'a folder': async (file) => {
      await rm(file);
      await mkdir(file);
    },
  };
  it.each(Object.entries(damages))('is no matter when its file is %s', async (_, damage) => {
    run(['version']);
    await damage(await cacheFile());
    expect(run(['version'])).toEqual(WORKS);
    expect(run(['version'])).toEqual(WORKS);
  });

  it('is no matter when a byte of it is another', async () => {
    run(['version']);
    const file = await cacheFile();
    const content = await readFile(file);
    const start = content.indexOf('\n') + 1;
    for (const part of [0, 0.001, 0.1, 0.35, 0.6, 0.85, 0.9999]) {
      const damaged = Buffer.from(content);
      const place = start + Math.floor((content.length - start) * part);
      damaged[place] = damaged[place]! ^ 0x55;
      await writeFile(file, damaged);
      expect(run(['version'])).toEqual(WORKS);
    }
  });

  it('is another for another program, and not used for one that was changed', async () => {
    const copy = join(folder, 'copy');
    await cp(dirname(NODE_BIN), copy, { recursive: true });
    const bin = join(copy, 'bin.js');
    expect(run(['version'], { bin })).toEqual(WORKS);
    const program = join(copy, 'quick.cjs');
    const text = await readFile(program, 'utf8');
    // As long as before: V8 alone would not see it.
    await writeFile(
      program,
      text.replace('Display version information', 'DISPLAY version information'),
    );
    await utimes(program, new Date(), new Date(Date.now() + 5000));
    expect(run(['version', '--help'], { bin }).stdout).toContain('DISPLAY');
  });

  it('is not used by a Node with other flags', async () => {
    run(['version']);
    const before = await readFile(await cacheFile());
    expect(run(['version'], { flags: ['--no-opt', '--stack-size=500'] })).toEqual(WORKS);
    expect((await readFile(await cacheFile())).equals(before)).toBe(false);
    expect(run(['version'])).toEqual(WORKS);
  });

  it('loses what nobody has used for a month', async () => {
    await mkdir(cache, { mode: 0o700 });
    await writeFile(join(cache, 'of-another-version'), '');
    await writeFile(join(cache, 'young'), '');
    const old = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    await utimes(join(cache, 'of-another-version'), old, old);
    run(['version']);
    const names = await readdir(cache);
    expect(names).toContain('young');
    expect(names).not.toContain('of-another-version');
  });
});

describe('the quick program', () => {
  it('knows the commands that the build sends to it', async () => {
    const known = quickCommands(() => undefined).flatMap(({ name, aliases }) => [name, ...aliases]);
    const script = await readFile(
      join(import.meta.dirname, '../../../scripts/build-cli.mjs'),
      'utf8',
    );
    const [, list = ''] = /QUICK_WORDS = \[(.*)\]/.exec(script) ?? [];
    expect(list.match(/[\w-]+/g)?.toSorted()).toEqual(known.toSorted());
  });
});
