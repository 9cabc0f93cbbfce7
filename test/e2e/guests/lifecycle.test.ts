import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { readMachine } from '../../../src/vm/records/machine-record.js';
import { makeStrangeTree, tellTree } from '../../support/strange-tree.js';
import { inTerminal } from '../support/terminal.js';
import { enterOtherwise } from './library-steps.js';
import { expectNothingLeft, qemuOf, test, type GuestStore } from './support.js';

/** The tests of this file are the steps of one story: each goes on where the one before it ended. */

function stateOf(layout: StoreLayout, name: string): string {
  return readInstance(layout, name).state;
}

async function tagsOf(layout: StoreLayout, name: string): Promise<string[]> {
  const { stdout } = await run('qemu-img', ['snapshot', '-U', '-l', layout.instance(name).disk]);
  return [...stdout.matchAll(/^\d+\s+(\S+)/gm)].map(([, tag]) => tag!);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('launch', () => {
  test('makes an instance of a file, and waits until it has set itself up', async ({ guests }) => {
    expect(await guests.launch('web', '--disk', '2G')).toBe('Launched: web\n');
    expect(await guests.sh('web', 'hostname; cat /proc/uptime >/dev/null; id -un')).toBe(
      'web\nubuntu',
    );
    await guests.sh('web', '[ -e /var/lib/cloud/instance/boot-finished ]');
    await expectNothingLeft(guests.layout, { web: 'Running' });
  });

  test('refuses a name that is taken, and leaves that instance alone', async ({ guests }) => {
    const { image, layout } = guests;
    expect(await guests.multipass(['launch', image, '-n', 'web'])).toMatchObject({
      stderr: expect.stringContaining('launch failed: instance "web" already exists\n') as string,
      exitCode: 2,
    });
    await expectNothingLeft(layout, { web: 'Running' });
  });
});

describe('exec', () => {
  test.for([0, 7, 255])('exits with the %i of the command', async (code, { guests }) => {
    const args = ['exec', 'web', '--', 'sh', '-c', `echo out; echo err >&2; exit ${code}`];
    const result = await guests.multipass(args);
    expect(result).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: code });
  });

  test('runs many at once, although the guest lets few wait at its door', async ({ guests }) => {
    const numbers = Array.from({ length: 24 }, (_, index) => `${index}`);
    const echoes = numbers.map((number) => guests.ok(['exec', 'web', '--', 'echo', number]));
    expect(await Promise.all(echoes)).toEqual(numbers.map((number) => `${number}\n`));
  });

  test('gives the command its arguments as they are', async ({ guests }) => {
    const words = ['a  b', `it's`, '"q"', '$HOME', '`id`', 'new\nline', '', '*', '\\n', '-n', '–'];
    const stdout = await guests.ok(['exec', 'web', '--', 'printf', '%s|', ...words]);
    expect(stdout).toBe(words.map((word) => `${word}|`).join(''));
  });

  test('hands its stdin on to the end', async ({ guests }) => {
    const input = 'some line or other\n'.repeat(60_000);
    const stdout = await guests.ok(['exec', 'web', '--', 'sha256sum'], { input });
    expect(stdout.split(' ')[0]).toBe(sha256(input));
  });

  test('brings back 5 MiB of output whole', async ({ guests }) => {
    const stdout = await guests.ok(['exec', 'web', 'seq', '750000']);
    expect(stdout.length).toBeGreaterThan(5_000_000);
    const numbers = Array.from({ length: 750_000 }, (_, at) => `${at + 1}\n`).join('');
    expect(sha256(stdout)).toBe(sha256(numbers));
  });

  test('runs in the home folder, or in the one it is told', async ({ guests }) => {
    expect(await guests.ok(['exec', 'web', '--', 'pwd'])).toBe('/home/ubuntu\n');
    expect(await guests.ok(['exec', '-d', '/etc', 'web', '--', 'pwd'])).toBe('/etc\n');
    expect(await guests.ok(['exec', 'web', '-d', '/etc', '--', 'type', 'cd'])).toContain('builtin');
    const missing = await guests.multipass(['exec', '-d', '/no such', 'web', '--', 'pwd']);
    expect(missing.stdout).toBe('');
    expect(missing.stderr).toContain('/no such');
    expect(missing.exitCode).not.toBe(0);
  });

  test('and so do the library and ssh', ({ guests }) => enterOtherwise(guests));
});

describe('transfer', () => {
  // Where much else goes on.
  const LONG = { timeout: 600_000 };

  async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-here-'));
    await use(folder).finally(() => rm(folder, { recursive: true, force: true }));
  }

  test('brings 2000 files there and back, whatever they are called', LONG, ({ guests }) =>
    withFolder(async (folder) => {
      const tree = join(folder, 'tree');
      await makeStrangeTree(tree, 2000);
      const at = { cwd: folder };
      expect(await guests.ok(['transfer', '-r', 'tree', 'web:'], at)).toBe('');
      expect(await guests.sh('web', 'cat tree/two* | wc -c; ls tree/many/7 | wc -l')).toBe(
        '1\n100',
      );
      expect(await guests.ok(['transfer', '-r', 'web:tree', 'back'], at)).toBe('');
      expect(await tellTree(join(folder, 'back'))).toBe(await tellTree(tree));
      await guests.sh('web', 'chmod 700 tree/closed; rm -r tree');
    }),
  );

  test('keeps the holes of a file of 2 GiB, and sends none', ({ guests }) =>
    withFolder(async (folder) => {
      const at = { cwd: folder };
      const file = await open(join(folder, 'holes'), 'w');
      await file.write('begin', 0);
      await file.write('end', 2 * 1024 ** 3 - 3);
      await file.close();
      await guests.ok(['transfer', 'holes', 'web:'], at);
      const [size, blocks] = (await guests.sh('web', 'stat -c "%s %b" holes'))
        .split(' ')
        .map(Number);
      expect({ size, isThin: blocks! < 1000 }).toEqual({ size: 2 * 1024 ** 3, isThin: true });
      await guests.sh('web', 'rm holes');
    }));
});

describe('what a guest tells', () => {
  test('is in the table of list', async ({ guests }) => {
    expect(await guests.ok(['list'])).toMatch(
      /^Name +State +IPv4 +Image\nweb +Running +\(10\.\d+\.\d+\.15\) +\S.*\n$/,
    );
  });

  test('is in the table of info', async ({ guests }) => {
    const table = await guests.ok(['info', 'web']);
    expect(table).toMatch(/^Name: +web\nState: +Running\n/);
    expect(table).toMatch(/^IPv4: +10\.\d+\.\d+\.15 \(inside only, ssh at 127\.0\.0\.1:\d+\)$/m);
    expect(table).toMatch(/^Release: +Tiny test guest$/m);
    expect(table).toMatch(/^CPU\(s\): +1$/m);
    expect(table).toMatch(/^Load: +\d+\.\d\d \d+\.\d\d \d+\.\d\d$/m);
    expect(table).toMatch(/^Disk usage: +\S+MiB out of \S+MiB$/m);
    expect(table).toMatch(/^Memory usage: +\S+MiB out of \S+MiB$/m);
  });

  test('is in the JSON of info, in the types of Multipass', async ({ guests }) => {
    const { info } = JSON.parse(await guests.ok(['info', '--format', 'json'])) as {
      info: Record<string, unknown>;
    };
    const digits = expect.stringMatching(/^\d+$/) as string;
    expect(info['web']).toMatchObject({
      state: 'Running',
      cpu_count: '1',
      release: 'Tiny test guest',
      snapshot_count: '0',
      ipv4: [expect.stringMatching(/^10\./)],
      load: [expect.any(Number), expect.any(Number), expect.any(Number)],
      disks: { sda1: { used: digits, total: digits } },
      memory: { used: expect.any(Number) as number, total: expect.any(Number) as number },
    });
  });
});

describe('a running instance', () => {
  test('is started, in that nothing happens', async ({ guests }) => {
    const { pid } = qemuOf(guests.layout, 'web');
    expect(await guests.ok(['start', 'web'])).toBe('');
    expect(qemuOf(guests.layout, 'web').pid).toBe(pid);
  });

  test('is not cloned', async ({ guests }) => {
    expect(await guests.multipass(['clone', 'web'])).toMatchObject({
      stderr: expect.stringContaining(
        'clone failed: Multipass can only clone stopped instances.\n',
      ) as string,
      exitCode: 2,
    });
    await expectNothingLeft(guests.layout, { web: 'Running' });
  });

  test('is stopped later, unless that is cancelled', async ({ guests }) => {
    const isScheduled =
      'kill -0 $(cat /run/shutdown.pid 2>/dev/null) 2>/dev/null && echo yes || echo no';
    // The guest's root does it.
    const asRoot = `sudo sh -c '${isScheduled}'`;
    await guests.ok(['stop', '--time', '10', 'web']);
    expect(await guests.sh('web', asRoot)).toBe('yes');
    expect(await guests.ok(['list'])).toMatch(/^web +Delayed Shutdown +\(10/m);
    await guests.ok(['stop', '--cancel', 'web']);
    expect(await guests.sh('web', asRoot)).toBe('no');
    await guests.ok(['stop', '--cancel', 'web']);
    expect(await guests.ok(['list'])).toMatch(/^web +Running +\(10/m);
  });

  test('restarts from inside, and keeps its QEMU', async ({ guests }) => {
    const [before, { pid }] = [await guests.bootId('web'), qemuOf(guests.layout, 'web')];
    await guests.sh('web', 'echo precious >data; sync');
    await guests.ok(['restart', 'web']);
    expect(await guests.bootId('web')).not.toBe(before);
    expect(qemuOf(guests.layout, 'web').pid).toBe(pid);
    expect(await guests.sh('web', 'cat data')).toBe('precious');
  });
});

describe('suspend', () => {
  test('saves the memory, and ends QEMU', async ({ guests }) => {
    const { layout } = guests;
    await guests.sh('web', 'sleep 4711 </dev/null >/dev/null 2>&1 & echo $! >pid');
    await guests.sh('web', 'cat /proc/sys/kernel/random/boot_id >boot; sync');
    expect(await guests.ok(['suspend', 'web'])).toBe('');
    expect(await tagsOf(layout, 'web')).toEqual(['suspend']);
    expect(await guests.ok(['list'])).toMatch(/^web +Suspended +-- /m);
    await expectNothingLeft(layout, { web: 'Suspended' });
    expect(await guests.ok(['suspend', 'web'])).toBe('');
  });

  test('is in the way of a stop and of a clone', async ({ guests }) => {
    expect(await guests.multipass(['stop', 'web'])).toMatchObject({
      stderr: expect.stringMatching(
        /^stop failed: [^]*Cannot shut down suspended instance web\.[^]*--force/,
      ) as string,
      exitCode: 2,
    });
    expect((await guests.multipass(['clone', 'web'])).exitCode).toBe(2);
    expect(await tagsOf(guests.layout, 'web')).toEqual(['suspend']);
  });

  test('goes on where it was when the instance starts', async ({ guests }) => {
    await guests.ok(['set', 'local.web.autostart=true']);
    expect(await guests.ok(['autostart', 'start'])).toBe('');
    expect(await guests.bootId('web')).toBe(await guests.sh('web', 'cat boot'));
    expect(await guests.sh('web', 'tr "\\0" " " </proc/$(cat pid)/cmdline')).toBe('sleep 4711 ');
    expect(await tagsOf(guests.layout, 'web')).toEqual([]);
    const seconds = Number(await guests.sh('web', 'date +%s'));
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(30);
  });

  test('is dropped by a forced stop, and what is stopped stays so', async ({ guests }) => {
    const { layout } = guests;
    await guests.ok(['autostart', 'stop']);
    await guests.ok(['stop', '--force', 'web']);
    expect(await tagsOf(layout, 'web')).toEqual([]);
    expect(await guests.ok(['stop', 'web'])).toBe('');
    expect(await guests.ok(['suspend', 'web'])).toBe('');
    await expectNothingLeft(layout, { web: 'Stopped' });
    expect(await guests.multipass(['restart', 'web'])).toMatchObject({
      stderr: expect.stringContaining("Instance 'web' is not running") as string,
      exitCode: 2,
    });
  });
});

/** Who a guest is, from its inside and its outside. */
async function identityOf(guests: GuestStore, name: string): Promise<Record<string, string>> {
  const dir = guests.layout.instance(name);
  const questions = [
    'hostname',
    'cat /etc/machine-id',
    'cat /var/lib/cloud/data/instance-id',
    'cat /sys/class/net/e*/address',
    'sudo cat /sys/class/dmi/id/product_uuid',
  ];
  const [hostname, machineId, instanceId, mac, uuid] = (
    await guests.sh(name, questions.join('; '))
  ).split('\n');
  const [, type, key] = (await readFile(dir.knownHosts, 'utf8')).trim().split(' ');
  const [card] = readMachine(dir)!.machine.cards;
  const subnet = card?.backend.kind === 'user' ? card.backend.subnet : '';
  const answers = { hostname, machineId, instanceId, mac, uuid, hostKey: `${type} ${key}`, subnet };
  return Object.fromEntries(Object.entries(answers).map(([what, answer]) => [what, answer ?? '']));
}

describe('a clone', () => {
  test('runs beside its source as a machine of its own', async ({ guests }) => {
    const { layout } = guests;
    expect(await guests.ok(['clone', 'web'])).toContain('Cloned from web to web-clone1.\n');
    expect(await guests.ok(['start', '--all'])).toBe('');
    await expectNothingLeft(layout, { web: 'Running', 'web-clone1': 'Running' });
    const [source, clone] = [
      await identityOf(guests, 'web'),
      await identityOf(guests, 'web-clone1'),
    ];
    for (const [what, own] of Object.entries(clone)) {
      expect({ what, own }).not.toEqual({ what, own: source[what] });
      expect({ what, own }).not.toEqual({ what, own: '' });
    }
    expect(clone).toMatchObject({
      hostname: 'web-clone1',
      instanceId: readInstance(layout, 'web-clone1').spec.uuid,
      mac: readInstance(layout, 'web-clone1').spec.interfaces[0].mac.toString(),
      uuid: readInstance(layout, 'web-clone1').spec.uuid,
    });
  });

  test('has the data of its source, and its own from there on', async ({ guests }) => {
    expect(await guests.sh('web-clone1', 'cat data; echo changed >data')).toBe('precious');
    expect(await guests.sh('web', 'cat data')).toBe('precious');
  });
});

describe('the primary instance', () => {
  test('is meant where no name is given', async ({ guests }) => {
    await guests.ok(['set', 'client.primary-name=web']);
    await guests.ok(['suspend']);
    expect(stateOf(guests.layout, 'web')).toBe('Suspended');
    expect(stateOf(guests.layout, 'web-clone1')).toBe('Running');
    const bootId = 'cat boot /proc/sys/kernel/random/boot_id';
    const lines = (
      await guests.ok(['shell'], { input: `cd; hostname; ${bootId}\nexit 0\n` })
    ).split('\n');
    expect(lines).toContain('web');
    expect(stateOf(guests.layout, 'web')).toBe('Running');
  });
});

describe('shell', () => {
  test('ends with the exit code of the last command', async ({ guests }) => {
    const { stdout, exitCode } = await guests.multipass(['shell', 'web'], {
      input: 'echo $((40 + 2))\nexit 9\n',
    });
    expect(stdout).toContain('42\n');
    expect(exitCode).toBe(9);
  });

  test('has a terminal where there is one', async ({ guests }) => {
    const session = inTerminal('shell web', { store: guests.layout.root });
    session.type('tty; echo $((40 + 2)); exit 3\r');
    await session.sees(/^42\r$/m);
    expect(await session.exitCode).toBe(3);
    expect(session.written()).toMatch(/^\/dev\/pts\/\d+\r$/m);
  });

  test('leaves Ctrl-C to the guest', async ({ guests }) => {
    const session = inTerminal('shell web', { store: guests.layout.root });
    session.type('echo $((40 + 2)) is here; sleep 1000\r');
    await session.sees(/^42 is here\r$/m);
    // Until it has begun, its shell is between two commands and might take the key for neither.
    await guests.sh('web', 'until ps | grep -q "[s]leep 1000$"; do usleep 50000; done');
    session.type('\u0003');
    session.type('echo $((40 + 3)) goes on; exit 4\r');
    expect(await session.exitCode).toBe(4);
    expect(session.written()).toMatch(/^43 goes on\r$/m);
  });
});

describe('delete', () => {
  test('stops a running instance, and keeps what it holds', async ({ guests }) => {
    const { layout } = guests;
    await guests.ok(['delete', 'web']);
    await expectNothingLeft(layout, { web: 'Deleted', 'web-clone1': 'Running' });
    for (const command of ['start', 'exec'] as const) {
      const words = command === 'exec' ? ['exec', 'web', 'true'] : ['start', 'web'];
      expect(await guests.multipass(words)).toMatchObject({
        stderr: expect.stringContaining("Instance 'web' is deleted.") as string,
        exitCode: 2,
      });
    }
    await guests.ok(['recover', 'web']);
    expect(await guests.sh('web', 'cat data')).toBe('precious');
    await expectNothingLeft(layout, { web: 'Running', 'web-clone1': 'Running' });
  });

  test('cuts the power of what it purges', async ({ guests }) => {
    await guests.ok(['delete', '--purge', 'web-clone1']);
    await expectNothingLeft(guests.layout, { web: 'Running' });
  });

  test('and purge leave nothing of an instance but its image', async ({ guests }) => {
    await guests.ok(['stop', '--all']);
    await expectNothingLeft(guests.layout, { web: 'Stopped' });
    await guests.ok(['delete', '--all']);
    await guests.ok(['purge']);
    await expectNothingLeft(guests.layout);
    await guests.ok(['purge', '--images']);
  });
});

describe('an instance that does not exist', () => {
  test.for([
    ['stop', 'nope'],
    ['restart', 'nope'],
    ['suspend', 'nope'],
    ['exec', 'nope', 'true'],
    ['shell', 'nope'],
    ['info', 'nope'],
    ['delete', 'nope'],
  ])('is told by %s', async (words, { guests }) => {
    const { stdout, stderr, exitCode } = await guests.multipass(words);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toContain('instance "nope" does not exist');
    expect(stderr).toMatch(new RegExp(`^${words[0]} failed: `));
  });
});
