import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arch } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test as base } from 'vitest';
import { shellWord } from '../../src/cli/completion/shell-quote.js';
import { packageOf } from '../../src/process/programs.js';
import { BIN, BUILD, COMMAND } from '../support/bin.js';

const INSTALL = fileURLToPath(new URL('../../scripts/install.sh', import.meta.url));
const NAME = `multipass-linux-${arch}`;

interface Place {
  readonly home: string;
  /** The folder that is installed from. */
  readonly from: string;
  readonly install: (...args: readonly string[]) => Promise<Said>;
}

interface Said {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

const test = base.extend<{ place: Place }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  place: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'install '));
    const [home, from] = [join(folder, 'home'), join(folder, 'from')];
    await mkdir(home);
    await mkdir(from);
    await publish(from);
    await use({ home, from, install: (...args) => runScript(args, { home }) });
    await rm(folder, { recursive: true, force: true });
  },
});

/** Puts the built command, its licences and their sums into a folder. */
async function publish(folder: string): Promise<void> {
  const file = join(folder, NAME);
  if (BUILD === 'binary') await copyFile(BIN, file);
  else await writeFile(file, `#!/bin/sh\nexec ${COMMAND.map(shellWord).join(' ')} "$@"\n`);
  await writeFile(`${file}.licenses.txt`, 'as you like it\n');
  const sums = [NAME, `${NAME}.licenses.txt`].map(async (name) => {
    const content = await readFile(join(folder, name));
    return `${createHash('sha256').update(content).digest('hex')}  ${name}\n`;
  });
  await writeFile(`${file}.sha256`, (await Promise.all(sums)).join(''));
}

async function runScript(
  args: readonly string[],
  { home, path = process.env['PATH'] }: { readonly home: string; readonly path?: string },
): Promise<Said> {
  const env = { PATH: path, HOME: home, MULTIPASS_TS_CODE_CACHE: '' };
  try {
    const said = await promisify(execFile)('/bin/sh', [INSTALL, ...args], { env });
    return { ...said, code: 0 };
  } catch (error) {
    return error as Said;
  }
}

/** All files below a folder, sorted. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();
}

const INSTALLED = [
  '.local/bin/multipass',
  '.local/share/bash-completion/completions/multipass',
  '.local/share/doc/multipass-ts/licenses.txt',
  '.local/share/fish/vendor_completions.d/multipass.fish',
  '.local/share/man/man1/multipass.1',
  '.local/share/zsh/site-functions/_multipass',
];

describe('install.sh', () => {
  test('puts the command and what belongs to it into the home folder, again and again', async ({
    place: { home, from, install },
  }) => {
    for (const where of [from, pathToFileURL(from).href]) {
      const said = await install('--from', where);
      expect(said).toMatchObject({ stderr: '', code: 0 });
      expect(said.stdout).toMatch(/^Installed multipass \d+\.\d+\.\d+\S* as .*\/multipass\n/);
      expect(said.stdout).toContain('Add it to PATH: ');
      expect(await filesIn(home)).toEqual(INSTALLED);
    }
    const bin = join(home, '.local/bin/multipass');
    const env = { PATH: process.env['PATH'], HOME: home, MULTIPASS_TS_CODE_CACHE: '' };
    const { stdout } = await promisify(execFile)(bin, ['completion', 'bash'], { env });
    expect(await readFile(join(home, INSTALLED[1]!), 'utf8')).toBe(stdout);
    expect(await readFile(join(home, INSTALLED[4]!), 'utf8')).toMatch(/^\.TH /m);
  });

  test('says which programs are missing, and whether the command is found', async ({ place }) => {
    const { home, from } = place;
    const few = join(home, '../few');
    await mkdir(few);
    const needed = 'cat chmod cp dirname env grep head mkdir mktemp mv rm sha256sum tr uname';
    for (const name of needed.split(' ')) await symlink(`/usr/bin/${name}`, join(few, name));
    const path = `${join(home, '.local/bin')}:${few}`;
    const { stdout, stderr, code } = await runScript(['--from', from], { home, path });
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).not.toContain('Add it to PATH');
    expect(stdout).toMatch(/Still missing, .*: qemu-system-\w+ qemu-utils .*\bbubblewrap\b/);
    const texts = await readFile(INSTALL, 'utf8');
    const programs = [
      ...texts.matchAll(/(?<=[ "=\n])([a-z][\w-]+)=[a-z][a-z0-9-]+-?\w*(?=[ "\n])/g),
    ];
    const names = programs.map(([, name]) => name!).filter((name) => name !== 'arch');
    expect(names.length).toBeGreaterThanOrEqual(8);
    for (const name of names) expect(packageOf(name)).not.toContain('the package that has');
  });

  test('installs nothing that is not what the checksum says', async ({ place }) => {
    const { home, from, install } = place;
    const sums = join(from, `${NAME}.sha256`);
    const right = await readFile(sums, 'utf8');
    await writeFile(
      sums,
      right.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    );
    const wrong = await install('--from', from);
    expect(wrong).toMatchObject({
      stderr: `install: ${NAME} is not what ${NAME}.sha256 says: nothing was installed\n`,
      code: 1,
    });
    await writeFile(sums, right.replaceAll(NAME, 'other'));
    expect((await install('--from', from)).stderr).toContain('has no sum of');
    await rm(sums);
    expect((await install('--from', from)).code).toBe(1);
    expect((await install('--from', 'http://127.0.0.1/')).stderr).toContain('only https and file');
    expect(await filesIn(home)).toEqual([]);
  });

  test('keeps what is there when the new one does not run', async ({ place }) => {
    const { home, from, install } = place;
    await install('--from', from);
    const file = join(from, NAME);
    await writeFile(file, '#!/bin/sh\nexit 1\n');
    const sums = await readFile(`${file}.sha256`, 'utf8');
    const sum = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    await writeFile(`${file}.sha256`, sums.replace(/^\w+/, sum));
    expect(await install('--from', from)).toMatchObject({
      stderr: `install: ${NAME} does not run here: nothing was installed\n`,
      code: 1,
    });
    expect(await filesIn(home)).toEqual(INSTALLED);
    expect(await readFile(join(home, '.local/bin/multipass'))).not.toEqual(await readFile(file));
  });
});
