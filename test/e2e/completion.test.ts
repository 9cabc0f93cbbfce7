import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, expect } from 'vitest';
import { BIN } from '../support/bin.js';
import { environment, multipass } from '../support/command.js';
import { makeInstance, test } from '../support/store-fixture.js';

/** How each shell is started, with nothing of the user's, and told of the completion. */
const SHELLS = {
  bash: {
    start: 'bash --norc --noprofile -i',
    load: 'source <(multipass completion bash)',
  },
  zsh: {
    start: 'zsh -f -i',
    load: 'autoload -U compinit && compinit -D -u && source <(multipass completion zsh)',
  },
  fish: { start: 'fish --no-config -i', load: 'multipass completion fish | source' },
} as const;

/** What a person types, a tab being `\t`, and what is then to be seen. */
const TYPED: readonly (readonly [keys: string, seen: RegExp])[] = [
  ['multipass cl\to\t-n copy', /Cloned from only-one to copy\./],
  ['multipass list --form\tj\t', /"list": \[/],
  ['multipass list --format=cs\t', /Name,State,IPv4,IPv6/],
  ['multipass snapshot -n before only\t', /Snapshot taken: only-one\.before/],
  ['multipass restore --dest\tonly\tb\t', /Snapshot restored: only-one\.before/],
  ['multipass set local.netw\tb\t; multipass get local.netw\t', /^bridge\r?$/m],
  ['multipass mount sha\t only\t/srv -v', /mounted: \S*shared\/? at only-one:\/srv/],
  ['multipass umount only\t -v', /unmounted: only-one:\/srv/],
  ['multipass help exit\t', /What commands exit with/],
];

describe.each(Object.entries(SHELLS))('the completion for %s', (name, { start, load }) => {
  test('completes what a person types', async ({ store, root }) => {
    await makeInstance(store.layout, 'only-one', { data: 0 });
    const folder = join(root, '..', 'typed');
    await mkdir(join(folder, 'bin'), { recursive: true });
    await mkdir(join(folder, 'shared'));
    await symlink(BIN, join(folder, 'bin', 'multipass'));
    const plain = environment({ store: store.root });
    const PATH = `${join(folder, 'bin')}${delimiter}${plain['PATH'] ?? ''}`;
    const env = { ...plain, PATH, HOME: folder, TERM: 'xterm', PS1: '$ ' };
    const child = spawn('script', ['-qec', `stty cols 200; ${start}`, '/dev/null'], {
      env,
      cwd: folder,
    });
    let written = '';
    child.stdout.on('data', (piece: Buffer) => (written += piece.toString('utf8')));
    const type = async (line: string, seen: RegExp): Promise<void> => {
      written = '';
      child.stdin.write(`${line}\n`);
      while (!seen.test(written)) await once(child.stdout, 'data');
    };
    await type(`${load}; echo loa''ded`, /loaded\r?$/m);
    for (const [keys, seen] of TYPED) await type(keys, seen);
    child.stdin.write('exit\n');
    await once(child, 'close');
  });

  test('is printed, and asks by one call', async ({ root }) => {
    const { stdout, stderr, exitCode } = await multipass(['completion', name], { store: root });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.split('__complete')).toHaveLength(2);
  });
});
