import { readdir } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { makeInstance, test } from '../support/store-fixture.js';
import { writeSnapshot, snapshotRecord } from '../support/snapshot-record.js';
import { BUILD } from '../support/bin.js';
import { multipass } from '../support/command.js';

describe('a wrong command line', () => {
  test.for<[words: string, meant: string]>([
    ['cloen a', '"clone"'],
    ['lsit', '"list"'],
    ['unalais a', '"unalias"'],
    ['clone a --nmae b', '"--name"'],
    ['launch --cpu=2', '"--cpus"'],
    ['list --hlep', '"--help"'],
    ['list --format jsno', '"json"'],
    ['clone a --format tabel', '"table"'],
    ['get client.primary', '"client.primary-name"'],
    ['set local.netwrok=user', '"local.network"'],
    ['get local.web.cpu', '"local.web.cpus"'],
    ['info wbe', '"web"'],
    ['stop web wbe', '"web"'],
    ['delete --purge web.snap', '"snap1"'],
    ['exec wbe true', '"web"'],
  ])('multipass %s says what was meant: %s', async ([words, meant], { store }) => {
    const dir = await makeInstance(store.layout, 'web', { tags: 1 });
    await writeSnapshot(dir, snapshotRecord(1, { name: 'snap1' }));
    const { stderr } = await multipass(words.split(' '), { store: store.layout.root });
    expect(stderr).toContain(`hint: Did you mean ${meant}?`);
  });

  test.for<[words: string[], line: string]>([
    [['exec', 'web', 'ls', '-l'], 'multipass exec web -- ls -l'],
    [['exec', '-n', 'web', 'ls', '-l', 'a b'], "multipass exec -n web -- ls -l 'a b'"],
    [['exec', 'web', '--all'], 'multipass exec web -- --all'],
  ])('%j says what to type for the inner command: %s', async ([words, line], { root }) => {
    const { stderr, exitCode } = await multipass(words, { store: root });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^Unknown option '(?:l|all)'\.\n {2}hint: /);
    expect(stderr).toContain(
      `Options to the inner command should come after "--", like this: ${line}\n`,
    );
  });

  test('says nothing of what is like nothing', async ({ root }) => {
    for (const words of ['frobnicate', 'list --frobnicate', 'list --snapshots=yes']) {
      const { stderr } = await multipass(words.split(' '), { store: root });
      expect(stderr).not.toContain('hint:');
    }
  });

  test.for(['+2', ' 2 '])('takes "%s" for a number everywhere', async (number, { root }) => {
    for (const option of ['--cpus', '--count']) {
      const result = await multipass(['clone', 'nope', option, number], { store: root });
      expect(result.stderr).toMatch(/^clone failed: instance "nope" does not exist\n/);
    }
    for (const option of ['--cpus', '--timeout']) {
      const result = await multipass(['launch', option, number, '/nope.img'], { store: root });
      expect(result).toMatchObject({ stderr: expect.stringContaining('/nope.img') as string });
    }
  });

  test('tells an unknown command on stdout, as Multipass does', async ({ root }) => {
    expect(await multipass(['cloen', 'a'], { store: root })).toEqual({
      stdout: `Error: Unknown command or alias 'cloen' (try "multipass help" or "multipass aliases")\n`,
      stderr: '  hint: Did you mean "clone"?\n',
      exitCode: 1,
    });
  });
});

describe('the help', () => {
  test('lists the commands, with exit code 2 when no command was given', async ({ root }) => {
    const [bare, asked, flag] = await Promise.all(
      [[], ['help'], ['-h']].map((args) => multipass(args, { store: root })),
    );
    expect(bare).toEqual({ ...asked, exitCode: 2 });
    expect(flag).toEqual(asked);
    expect(asked).toMatchObject({ stderr: '', exitCode: 0 });
    const [, rest = ''] = asked?.stdout.split('Available commands:\n') ?? [];
    const [commands = ''] = rest.split('\n\n');
    expect(commands.split('\n')).toEqual([
      expect.stringMatching(/^ {2}adopt +Make a copied folder an instance of its own$/),
      expect.stringMatching(/^ {2}alias +Create an alias$/),
      expect.stringMatching(/^ {2}aliases +List available aliases$/),
      expect.stringMatching(/^ {2}authenticate, auth +Succeed: there is no service to auth/),
      expect.stringMatching(/^ {2}autostart +Start instances with the host$/),
      expect.stringMatching(/^ {2}clone +Clone an instance$/),
      expect.stringMatching(/^ {2}completion +Print a completion script for a shell$/),
      expect.stringMatching(/^ {2}console +Open the serial console of an instance$/),
      expect.stringMatching(/^ {2}copy +Copy an instance to another host, by ssh$/),
      expect.stringMatching(/^ {2}delete +Delete instances and snapshots$/),
      expect.stringMatching(/^ {2}doctor +Look for what is wrong with the store and this machine$/),
      expect.stringMatching(/^ {2}exec +Run a command on an instance$/),
      expect.stringMatching(/^ {2}export +Write an instance to a file$/),
      expect.stringMatching(/^ {2}find +Display available images to create instances from$/),
      expect.stringMatching(/^ {2}flatten +Make an instance independent of what it was made from$/),
      expect.stringMatching(/^ {2}forward +Let ports of this host lead into an instance$/),
      expect.stringMatching(/^ {2}forwards +List the ports of this host that lead into instances$/),
      expect.stringMatching(/^ {2}get +Get a configuration setting$/),
      expect.stringMatching(/^ {2}help +Display help about a command$/),
      expect.stringMatching(/^ {2}image +List, import or remove images of the store$/),
      expect.stringMatching(/^ {2}import +Make an instance of an archive or a foreign machine$/),
      expect.stringMatching(/^ {2}info +Display information about instances or snapshots$/),
      expect.stringMatching(/^ {2}launch +Create and start an instance$/),
      expect.stringMatching(/^ {2}list, ls +List all available instances or snapshots$/),
      expect.stringMatching(/^ {2}logs +Show what an instance writes to its console$/),
      expect.stringMatching(/^ {2}migrate +Bring the instances of an old Multipass over$/),
      expect.stringMatching(/^ {2}mount +Mount a local directory in the instance$/),
      expect.stringMatching(/^ {2}network +Use the network that instances share$/),
      expect.stringMatching(/^ {2}networks +List available network interfaces$/),
      expect.stringMatching(/^ {2}prefer +Switch the current alias context$/),
      expect.stringMatching(/^ {2}pull +Make an instance of one in a registry$/),
      expect.stringMatching(/^ {2}purge +Purge all deleted instances permanently$/),
      expect.stringMatching(/^ {2}push +Send an instance to a registry$/),
      expect.stringMatching(/^ {2}recover +Recover deleted instances$/),
      expect.stringMatching(/^ {2}rename +Give an instance another name$/),
      expect.stringMatching(/^ {2}restart +Restart instances$/),
      expect.stringMatching(/^ {2}restore +Restore an instance from a snapshot$/),
      expect.stringMatching(/^ {2}set +Set a configuration setting$/),
      expect.stringMatching(/^ {2}shell, sh, connect +Open a shell on an instance$/),
      expect.stringMatching(/^ {2}snapshot +Take a snapshot of an instance$/),
      expect.stringMatching(/^ {2}ssh-config +Print how ssh reaches instances$/),
      expect.stringMatching(/^ {2}start +Start instances$/),
      expect.stringMatching(/^ {2}stop +Stop running instances$/),
      expect.stringMatching(/^ {2}suspend +Suspend running instances$/),
      expect.stringMatching(/^ {2}to +Write an instance for another engine$/),
      expect.stringMatching(/^ {2}transfer, copy-files +Transfer files between the host and ins/),
      expect.stringMatching(/^ {2}tree +Show what came from what$/),
      expect.stringMatching(/^ {2}umount, unmount +Unmount a directory from an instance$/),
      expect.stringMatching(/^ {2}unalias +Remove aliases$/),
      expect.stringMatching(/^ {2}version +Show version details$/),
      expect.stringMatching(/^ {2}wait-ready +Succeed: there is no service to wait for$/),
    ]);
  });

  test('of one command is the same by three ways', async ({ root }) => {
    const ways = [
      ['help', 'clone'],
      ['clone', '-h'],
      ['clone', 'web', '--help'],
    ];
    const [first, ...others] = await Promise.all(
      ways.map((args) => multipass(args, { store: root })),
    );
    expect(others).toEqual([first, first]);
    expect(first).toMatchObject({ stderr: '', exitCode: 0 });
    expect(first?.stdout).toMatch(/^Usage: multipass clone \[options\] <source>\[\.<snapshot>\]\n/);
    expect(first?.stdout).toContain(
      'Create an independent copy of an existing (stopped) instance, or of one of its\nsnapshots.',
    );
    expect(first?.stdout).toMatch(/-n, --name <name> .*<source>-clone1/s);
  });

  test('fits in 80 columns, and hides what is for nobody to type', async ({ root }) => {
    const commands = [
      'clone',
      'completion',
      'delete',
      'forward',
      'forwards',
      'info',
      'launch',
      'list',
      'migrate',
      'purge',
    ];
    const pages = await Promise.all(
      [[], ...commands.map((name) => [name])].map((names) =>
        multipass(['help', ...names], { store: root }),
      ),
    );
    for (const { stdout } of pages) {
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
      expect(stdout).not.toMatch(/__complete|--no-ipv4|--no-runtime/);
    }
  });
});

describe('the version', () => {
  test('is told by the command, and by -V and --version', async ({ root }) => {
    const results = await Promise.all(
      ['version', '-V', '--version'].map((word) => multipass([word], { store: root })),
    );
    for (const result of results) {
      expect(result).toEqual({
        stdout: expect.stringMatching(/^multipass {3}\S+\n$/) as string,
        stderr: '',
        exitCode: 0,
      });
    }
  });

  test('comes in every format, and says which build it is', async ({ root }) => {
    const [json, yaml, csv] = await Promise.all(
      ['json', 'yaml', 'csv'].map(async (format) => {
        const { stdout } = await multipass(['version', '--format', format], { store: root });
        return stdout;
      }),
    );
    const { multipass: number } = JSON.parse(json ?? '') as { multipass: string };
    const build = BUILD === 'node' ? '' : '+binary';
    expect(number.replace(/^\d+\.\d+\.\d+/, '')).toBe(build);
    expect(yaml).toBe(`multipass: ${number}\n`);
    expect(csv).toBe(`Multipass,Multipassd,Title,Description,URL\n${number},,,,\n`);
  });
});

describe('a store that is not there yet', () => {
  test('has nothing in it, and is not made by looking', async ({ root }) => {
    const found = async (words: string): Promise<string> => {
      const { stdout, stderr, exitCode } = await multipass(words.split(' '), { store: root });
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      return stdout;
    };
    expect(await found('list')).toBe('No instances found.\n');
    expect(await found('ls')).toBe('No instances found.\n');
    expect(await found('list --snapshots')).toBe('No snapshots found.\n');
    expect(await found('list --format csv')).toBe('Name,State,IPv4,IPv6,Release,AllIPv4\n');
    expect(await found('list --format yaml')).toBe('\n');
    expect(await found('list --format json')).toBe('{\n    "list": [\n    ]\n}\n');
    expect(await found('info')).toBe('No instances found.\n');
    expect(await found('info --format csv')).toBe('');
    expect(await found('purge')).toBe('');
    expect((await multipass(['clone', 'web'], { store: root })).stderr).toMatch(
      /^clone failed: instance "web" does not exist\n/,
    );
    await expect(readdir(root)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
