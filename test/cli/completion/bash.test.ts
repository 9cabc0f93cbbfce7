import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionScript } from '../../../src/cli/completion/completion-script.js';
import { SAMPLE_COMMANDS } from './sample-commands.js';

/** Prints names, and among them what no instance can be called. */
const FAKE_MULTIPASS = `#!/bin/sh
[ "$1" = __complete ] || exit 1
echo 'a warning' >&2
case $2 in
  instance) printf '%s\\n' web web-2 db '$(touch pwned)' '*' '' '--all' 'two words' '\`touch pwned\`';;
  stopped-instance) printf '%s\\n' db;;
  deleted-instance) printf '%s\\n' old-1 old-2;;
esac
`;

/** Completes the last of the words and prints the replies one a line, \`(files)\` for readline's own. */
const DRIVER = `
source ./completion.bash
compopt() { echo '(files)'; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_multipass
for reply in "\${COMPREPLY[@]}"; do printf '%s\\n' "$reply"; done
`;

describe('the bash completion script', () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'completion-'));
    await writeFile(join(folder, 'multipass'), FAKE_MULTIPASS);
    await chmod(join(folder, 'multipass'), 0o755);
    await writeFile(join(folder, 'completion.bash'), completionScript('bash', SAMPLE_COMMANDS));
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function complete(...words: string[]): Promise<string[]> {
    const { stdout } = await promisify(execFile)(
      'bash',
      ['--norc', '--noprofile', '-u', '-c', DRIVER, 'bash', 'multipass', ...words],
      { cwd: folder, env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` } },
    );
    return stdout.split('\n').filter((line) => line !== '');
  }

  it('offers the commands and their aliases', async () => {
    expect(await complete('')).toEqual([
      ...['list', 'ls', 'clone', 'exec', 'recover', 'help', 'completion', 'import'],
    ]);
    expect(await complete('c')).toEqual(['clone', 'completion']);
    expect(await complete('--verbose', 'l')).toEqual(['list', 'ls']);
  });

  it('offers the names that fit the command', async () => {
    expect(await complete('clone', '')).toEqual(['db']);
    expect(await complete('recover', 'old')).toEqual(['old-1', 'old-2']);
    expect(await complete('exec', 'we')).toEqual(['web', 'web-2']);
  });

  it('drops lines that are no names, and evaluates none', async () => {
    expect(await complete('exec', '')).toEqual(['web', 'web-2', 'db']);
    await expect(rm(join(folder, 'pwned'))).rejects.toThrow('ENOENT');
  });

  it('takes what has been typed literally', async () => {
    expect(await complete('exec', '*')).toEqual([]);
    expect(await complete('exec', '$(touch pwned)')).toEqual([]);
    await expect(rm(join(folder, 'pwned'))).rejects.toThrow('ENOENT');
  });

  it('offers the options of the command', async () => {
    expect(await complete('clone', '-')).toEqual(['-n', '--name', '--linked']);
    expect(await complete('clone', 'db', '--l')).toEqual(['--linked']);
    expect(await complete('exec', '-')).toEqual([]);
  });

  it('offers the choices of an option, with an equals sign too, and under an alias', async () => {
    expect(await complete('list', '--format', '')).toEqual(['table', 'json', 'csv', 'yaml']);
    expect(await complete('ls', '--format', '=')).toEqual(['table', 'json', 'csv', 'yaml']);
    expect(await complete('ls', '--format', '=', 'j')).toEqual(['json']);
  });

  it('offers commands, shells and files where those are wanted', async () => {
    expect(await complete('help', 'cl')).toEqual(['clone']);
    expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(await complete('import', '')).toEqual(['(files)']);
    expect(await complete('clone', '--name', '')).toEqual(['(files)']);
    expect(await complete('list', '')).toEqual([]);
  });

  it('leaves the command line of the guest alone', async () => {
    expect(await complete('exec', 'web', '--', 'w')).toEqual(['(files)']);
  });

  it('says nothing of a command it does not know', async () => {
    expect(await complete('frobnicate', '')).toEqual([]);
  });
});
