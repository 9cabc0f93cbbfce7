import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionScript } from '../../../src/cli/completion/completion-script.js';

/** Says what it was called with as a candidate that is no plain word; and offers, among others, what is none. */
const FAKE_MULTIPASS = `#!/bin/sh
[ "$1 $2" = '__complete --' ] || exit 1
shift 2
echo 'a warning' >&2
printf '[%s]' "$@" >called
printf '%s\\n' "$BESIDE" web web: --all local.a=b 'db	what it is' '$(touch pwned)' '*' '' 'two words' '\`touch pwned\`'
`;

/** Completes at the end of a line, broken into words as bash does, and prints the replies one a line. */
const DRIVER = `
source ./completion.bash
compopt() { echo "(\${!#})"; }
COMP_LINE=$1 COMP_POINT=\${#1}
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_WORDBREAKS=$' \\t\\n"=:'
_multipass
for reply in "\${COMPREPLY[@]}"; do printf '%s\\n' "$reply"; done
`;

describe('the bash completion script', () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'completion-'));
    await writeFile(join(folder, 'multipass'), FAKE_MULTIPASS);
    await chmod(join(folder, 'multipass'), 0o755);
    await writeFile(join(folder, 'completion.bash'), completionScript('bash'));
    await writeFile(join(folder, 'a file'), '');
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function complete(words: readonly string[], line = words.join(' '), beside = '') {
    const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
    const { stdout } = await promisify(execFile)(
      'bash',
      ['--norc', '--noprofile', '-u', '-c', DRIVER, 'bash', line, ...words],
      { cwd: folder, env: { ...process.env, PATH, BESIDE: beside } },
    );
    const called = await promisify(execFile)('cat', ['called'], { cwd: folder });
    return { replies: stdout.split('\n').slice(0, -1), called: called.stdout };
  }

  it('passes the words on, and evaluates nothing', async () => {
    const { replies, called } = await complete(['multipass', 'exec', '$(touch pwned)', '']);
    expect(called).toBe('[exec][$(touch pwned)][]');
    expect(replies).toEqual(['web', 'web:', '--all', 'local.a=b', 'db']);
    await expect(rm(join(folder, 'pwned'))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['a=b', ['a', '=', 'b'], '[list][a=b]', 'web'],
    ['--format=', ['--format', '='], '[list][--format=]', 'web'],
    ['web:/a:b', ['web', ':', '/a', ':', 'b'], '[list][web:/a:b]', 'web'],
    ['local.a=', ['local.a', '='], '[list][local.a=]', 'web'],
    ['x a:', ['x', 'a', ':'], '[list][x][a:]', 'web'],
  ])('puts together what bash has broken: %s', async (text, words, expected, first) => {
    const line = `multipass  list ${text}`;
    const { called, replies } = await complete(['multipass', 'list', ...words], line);
    expect(called).toBe(expected);
    expect(replies[0]).toBe(first);
  });

  it('replaces only what stands behind the last break', async () => {
    const { replies } = await complete(
      ['multipass', 'set', 'local.a', '='],
      'multipass set local.a=',
    );
    expect(replies).toContain('b');
    const mount = await complete(['multipass', 'umount', 'web', ':'], 'multipass umount web:');
    expect(mount.replies).toContain('');
  });

  it('offers files, and leaves out the blank, where that is wanted', async () => {
    const files = await complete(['multipass', 'launch', 'a'], undefined, 'files');
    expect(files.replies).toContain('a file');
    expect(files.replies[0]).toBe('(filenames)');
    const nospace = await complete(['multipass', 'mount', ''], undefined, 'nospace');
    expect(nospace.replies[0]).toBe('(nospace)');
  });
});
