import { execFile, spawn } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { BIN } from '../support/bin.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { makeInstance, test as storeTest } from '../support/store-fixture.js';
import { environment, multipass } from '../support/command.js';

/** Completes the last word of each line, as bash would at a tab, and prints the replies on one line. */
const DRIVER = `
source <(multipass completion bash)
while IFS= read -r line; do
  read -ra COMP_WORDS <<< "$line"
  [[ $line == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  $(complete -p multipass | sed 's/.*-F \\([^ ]*\\).*/\\1/')
  echo "\${COMPREPLY[*]}"
done
`;

interface Shell {
  /** The environment in which `multipass` is the built command. */
  readonly env: NodeJS.ProcessEnv;
  /** The replies to each of the lines, in bash. */
  readonly complete: (...lines: string[]) => Promise<string[]>;
}

const test = storeTest.extend<{ shell: Shell }>({
  shell: async ({ store, root }, use) => {
    const folder = join(root, '..', 'bin');
    await mkdir(folder);
    await symlink(BIN, join(folder, 'multipass'));
    const plain = environment({ store: store.root });
    const env = { ...plain, PATH: `${folder}${delimiter}${plain['PATH'] ?? ''}` };
    const complete = async (...lines: string[]): Promise<string[]> => {
      const running = promisify(execFile)('bash', ['--norc', '-c', DRIVER], { env });
      running.child.stdin?.end(`${lines.join('\n')}\n`);
      const { stdout, stderr } = await running;
      expect(stderr).toBe('');
      return stdout.split('\n').slice(0, -1);
    };
    await use({ env, complete });
  },
});

describe('the completion for bash', () => {
  test('knows the commands, their options and the values of these', async ({ shell }) => {
    const [all, some, options, formats, formatsToo, help, shells] = await shell.complete(
      'multipass ',
      'multipass c',
      'multipass clone --',
      'multipass list --format ',
      'multipass clone --format j',
      'multipass help re',
      'multipass completion ',
    );
    expect(all?.split(' ').sort()).toEqual(
      [
        ...['adopt', 'auth', 'authenticate', 'logs', 'wait-ready'],
        ...['alias', 'aliases', 'image', 'prefer', 'unalias'],
        ...['clone', 'completion', 'delete', 'exec', 'find', 'flatten', 'get', 'help'],
        ...['info', 'launch', 'list', 'ls', 'migrate', 'mount', 'networks', 'purge', 'recover'],
        ...['rename', 'restart', 'restore', 'set', 'shell', 'sh', 'connect', 'snapshot'],
        ...['transfer', 'copy-files'],
        ...['start', 'stop', 'suspend', 'tree', 'umount', 'unmount', 'version'],
      ].sort(),
    );
    expect(some).toBe('clone completion connect copy-files');
    expect(options).toBe(
      '--name --count --linked --cold --cpus --memory --disk --no-mounts ' +
        '--reset-static-addresses --start --dry-run --format --quiet --progress --help --verbose',
    );
    expect(formats).toBe('table json csv yaml');
    expect(formatsToo).toBe('json');
    expect(help).toBe('recover rename restart restore');
    expect(shells).toBe('bash zsh fish');
  });

  test('knows the names that make sense, of stopped instances for clone', async ({
    store,
    shell,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'web-2', { data: 0 });
    await makeInstance(layout, 'web-asleep', { data: 0, otherTags: ['suspend'] });
    await makeInstance(layout, 'web-gone', { data: 0, spec: { deleted: true } });
    const broken = await makeInstance(layout, 'web-broken', { data: 0 });
    await writeFile(broken.spec, '{');
    await mkdir(layout.instance('$(touch pwned)').path);
    await writeFile(layout.instance('$(touch pwned)').file('x'), '');
    const [clone, prefix, recover, remove, info, list] = await shell.complete(
      'multipass clone ',
      'multipass clone --name x web-',
      'multipass recover ',
      'multipass delete web-',
      'multipass info ',
      'multipass list ',
    );
    expect(clone).toBe('web web-2');
    expect(prefix).toBe('web-2');
    expect(recover).toBe('web-gone');
    expect(remove).toBe('web-2 web-asleep web-broken web-gone');
    expect(info).toBe('web web-2 web-asleep web-broken web-gone');
    expect(list).toBe('');
  });

  test('knows running instances for transfer, with the colon of a path', async ({
    store,
    shell,
  }) => {
    await pretendToRun(await makeInstance(store.layout, 'web', { data: 0 }));
    await makeInstance(store.layout, 'stopped', { data: 0 });
    const typed = ['multipass transfer ', 'multipass transfer a w', 'multipass copy-files s'];
    expect(await shell.complete(...typed)).toEqual(['web:', 'web:', '']);
  });

  test('is silent without a store, and with one that cannot be read', async ({ shell, store }) => {
    await writeFile(store.layout.formatFile, '{"format": 99}');
    expect(await shell.complete('multipass clone ', 'multipass cl')).toEqual(['', 'clone']);
  });

  test('completes what a person types', async ({ shell, store }) => {
    await makeInstance(store.layout, 'only-one', { data: 0 });
    const child = spawn('script', ['-qec', 'bash --norc -i', '/dev/null'], { env: shell.env });
    let written = '';
    child.stdout.on('data', (piece: Buffer) => (written += piece.toString('utf8')));
    child.stdin.write('source <(multipass completion bash)\n');
    child.stdin.write('multipass cl\to\t-n copy\n');
    child.stdin.write('exit\n');
    await new Promise((resolve) => child.once('close', resolve));
    expect(written).toContain('Cloned from only-one to copy.');
  });
});

describe('the completion', () => {
  test.for(['bash', 'zsh', 'fish'])(
    'for %s is printed, and asks for names',
    async (name, { root }) => {
      const { stdout, stderr, exitCode } = await multipass(['completion', name], { store: root });
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      expect(stdout).toContain('multipass __complete');
      for (const word of ['clone', 'stopped-instance', 'snapshots']) expect(stdout).toContain(word);
      expect(stdout).not.toMatch(/no-ipv4|no-runtime/);
    },
  );
});
