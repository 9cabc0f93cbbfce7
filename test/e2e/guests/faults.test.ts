import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { consoleTail } from '../../../src/vm/guest/console.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { readMachine } from '../../../src/vm/records/machine-record.js';
import { inTerminal } from '../support/terminal.js';
import { killWhenItSays } from './kill-when-it-says.js';
import { expectNothingLeft, kill, qemuOf, test, type GuestStore } from './support.js';

/** The tests of this file share one instance, "web": each finds it running, and leaves it so. */

async function tagsOf(layout: StoreLayout, name: string): Promise<string[]> {
  const { stdout } = await run('qemu-img', ['snapshot', '-U', '-l', layout.instance(name).disk]);
  return [...stdout.matchAll(/^\d+\s+(\S+)/gm)].map(([, tag]) => tag!);
}

function portOf(layout: StoreLayout, name: string): number {
  const [card] = readMachine(layout.instance(name))!.machine.cards;
  if (card?.backend.kind !== 'user' || card.backend.sshPort === null) throw new Error('no port');
  return card.backend.sshPort;
}

async function expectGoesOn(
  guests: GuestStore,
  bootId: string,
  left?: { readonly wasKilled: boolean },
): Promise<void> {
  expect(await guests.bootId('web')).toBe(bootId);
  expect(await tagsOf(guests.layout, 'web')).toEqual([]);
  await expectNothingLeft(guests.layout, { web: 'Running' }, left);
}

describe('two commands at once', () => {
  test('one of two launches gets the name, and the other one leaves nothing', async ({
    guests,
  }) => {
    const args = ['launch', guests.image, '-n', 'web', '-m', '512M'];
    const results = await Promise.all([guests.multipass(args), guests.multipass(args)]);
    const [loser, winner] = results.toSorted((a, b) => b.exitCode - a.exitCode);
    expect(winner).toEqual({ stdout: 'Launched: web\n', stderr: '', exitCode: 0 });
    expect(loser).toMatchObject({
      stderr: expect.stringMatching(
        /^launch failed: instance "web" (?:already exists|is being prepared)\n/,
      ) as string,
      exitCode: 2,
    });
    await guests.sh('web', 'echo precious >data; sync');
    await expectNothingLeft(guests.layout, { web: 'Running' });
  });

  test('any number of starts make one QEMU, and all succeed', async ({ guests }) => {
    const bootId = await guests.bootId('web');
    await guests.ok(['suspend', 'web']);
    await Promise.all([1, 2, 3, 4, 5].map(() => guests.ok(['start', 'web'])));
    qemuOf(guests.layout, 'web');
    await expectGoesOn(guests, bootId);
  });
});

describe('a QEMU that dies', () => {
  test('leaves a stopped instance, and a start that is killed as well does no harm', async ({
    guests,
  }) => {
    const { layout } = guests;
    kill(qemuOf(layout, 'web').pid);
    await vi.waitFor(() => expect(() => qemuOf(layout, 'web')).toThrow());
    expect(await guests.ok(['list'])).toMatch(/^web +Stopped +-- /m);
    expect(readInstance(layout, 'web').uncleanEnd).toBe(true);

    const start = guests.begin(['start', 'web', '-vvvv']);
    await killWhenItSays(start, '"execute":"qom-get"');
    const { pid } = qemuOf(layout, 'web');
    expect(await guests.ok(['list', '--no-ipv4'])).toMatch(/^web +Starting /m);
    await guests.ok(['start', 'web']);
    expect(qemuOf(layout, 'web').pid).toBe(pid);
    expect(await guests.sh('web', 'cat data')).toBe('precious');
    await expectNothingLeft(layout, { web: 'Running' }, { wasKilled: true });
  });
});

describe('an interrupted resume', () => {
  test.for(['"execute":"qmp_capabilities"', '"execute":"snapshot-delete"', '"execute":"cont"'])(
    'is gone on with when the start is killed at %s',
    async (text, { guests }) => {
      const bootId = await guests.bootId('web');
      await guests.ok(['suspend', 'web']);
      await killWhenItSays(guests.begin(['start', 'web', '-vvvv']), text);
      await guests.ok(['start', 'web']);
      await expectGoesOn(guests, bootId, { wasKilled: true });
    },
  );

  test('may be suspended again', async ({ guests }) => {
    await guests.ok(['suspend', 'web']);
    await killWhenItSays(guests.begin(['start', 'web', '-vvvv']), '"execute":"qom-get"');
    await guests.ok(['suspend', 'web']);
    await expectNothingLeft(guests.layout, { web: 'Suspended' });
    await guests.ok(['start', 'web']);
  });
});

describe('an interrupted suspend', () => {
  test.for(['"execute":"stop"', '"execute":"snapshot-save"', '"execute":"job-dismiss"'])(
    'leaves a guest that the next start lets run on, killed at %s',
    async (text, { guests }) => {
      const bootId = await guests.bootId('web');
      await killWhenItSays(guests.begin(['suspend', 'web', '-vvvv']), text);
      await guests.ok(['start', 'web']);
      await expectGoesOn(guests, bootId);
    },
  );

  test('may be done again', async ({ guests }) => {
    const bootId = await guests.bootId('web');
    await killWhenItSays(guests.begin(['suspend', 'web', '-vvvv']), '"execute":"job-dismiss"');
    await guests.ok(['suspend', 'web']);
    expect(await tagsOf(guests.layout, 'web')).toEqual(['suspend']);
    await guests.ok(['start', 'web']);
    await expectGoesOn(guests, bootId);
  });
});

describe('what others have', () => {
  test('a pid that is another process now is no QEMU of ours', async ({ guests }) => {
    const { layout } = guests;
    const bootId = await guests.bootId('web');
    await guests.ok(['suspend', 'web']);
    await writeFile(layout.instance('web').qemuPid, `{"pid": ${process.pid}, "startTime": "1"}\n`);
    expect(await guests.ok(['list'])).toMatch(/^web +Suspended /m);
    await guests.ok(['start', 'web']);
    await expectGoesOn(guests, bootId);
  });

  test('a port that was taken meanwhile is changed for another one', async ({ guests }) => {
    const { layout } = guests;
    const [bootId, port] = [await guests.bootId('web'), portOf(layout, 'web')];
    await guests.ok(['suspend', 'web']);
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const PATH = await withQemuThatFirst(layout, TAKE_ITS_PORT);
    await guests.ok(['start', 'web'], { env: { PATH } });
    server.close();
    expect(portOf(layout, 'web')).not.toBe(port);
    // The one that was free when it was tried.
    const taken = Number(await readFile(join(dirname(layout.root), 'taken'), 'utf8'));
    expect(taken).toBeGreaterThan(1023);
    expect(portOf(layout, 'web')).not.toBe(taken);
    await expectGoesOn(guests, bootId);
  });

  test('an error of QEMU leaves a suspended instance suspended', async ({ guests }) => {
    const { layout } = guests;
    const bootId = await guests.bootId('web');
    await guests.ok(['suspend', 'web']);
    const PATH = await withQemuThatFirst(layout, "echo 'the moon is in the way' >&2");
    expect(await guests.multipass(['start', 'web'], { env: { PATH } })).toMatchObject({
      stderr: expect.stringMatching(
        /^start failed: [^]*qemu-system-x86_64 did not start \(exit code 1\): the moon is in the way\n/,
      ) as string,
      exitCode: 2,
    });
    await expectNothingLeft(layout, { web: 'Suspended' });
    await guests.ok(['start', 'web']);
    await expectGoesOn(guests, bootId);
  });

  test('another host key is told, and not entered', async ({ guests }) => {
    const { knownHosts } = guests.layout.instance('web');
    const right = await readFile(knownHosts, 'utf8');
    const wrong = right.replace(/AAAAIG?.{8}/, (text) => text.slice(0, -4) + 'AAAA');
    expect(wrong).not.toBe(right);
    await writeFile(knownHosts, wrong);
    const entered = await guests.multipass(['exec', 'web', '--', 'echo', 'inside']);
    expect(entered).toMatchObject({ stdout: '', exitCode: 255 });
    expect(entered.stderr).toContain('HOST IDENTIFICATION HAS CHANGED');
    expect(await guests.multipass(['start', 'web'])).toMatchObject({
      stderr: expect.stringContaining(
        'the ssh host key of "web" is not the one it had before',
      ) as string,
      exitCode: 2,
    });
    await writeFile(knownHosts, right);
    expect(await guests.sh('web', 'echo inside')).toBe('inside');
  });
});

describe('the console', () => {
  test('is bounded while no command looks, and its end is kept', async ({ guests }) => {
    const dir = guests.layout.instance('web');
    // The serial port of a guest under emulation takes some 90 KB a second.
    const flood = 'yes "$(head -c 1000 /dev/zero | tr "\\0" x)" | head -c 1300000; echo still here';
    await guests.sh('web', `sudo sh -c '(${flood}) >/dev/ttyS0'`);
    await vi.waitFor(() => expect(consoleTail(dir)).toContain('still here'));
    const sizes = await Promise.all(
      [dir.consoleLog, dir.olderConsoleLog].map(async (path) => (await stat(path)).size),
    );
    expect(sizes[0]! + sizes[1]!).toBeLessThanOrEqual(1024 ** 2);
    expect(sizes[1]).toBe(512 * 1024);
  });

  test('is typed at where ssh does not get in, and is logged all the same', async ({ guests }) => {
    const { layout } = guests;
    // It looks at its serial port as a guest with a getty would.
    const shell = 'exec setsid sh -i </dev/ttyS0 >/dev/ttyS0 2>&1';
    const script = `touch /run/before; (sleep 1; killall dropbear) & ${shell}`;
    await guests.sh('web', `sudo sh -c "${script}" </dev/null >/dev/null 2>&1 &`);
    const session = inTerminal('console web', { store: layout.root });
    await session.sees(/Ctrl-\] leaves it/);
    session.type('\recho $((40 + 2)) is typed\r');
    await session.sees(/^42 is typed\r$/m);
    expect(await guests.multipass(['console', 'web'])).toMatchObject({
      stderr: expect.stringContaining('the console of "web" is in use\n') as string,
      exitCode: 2,
    });
    session.type('\u001d');
    expect(await session.exitCode).toBe(0);
    await vi.waitFor(() =>
      expect(consoleTail(layout.instance('web'))).toContain('\n42 is typed\n'),
    );
  });
});

describe('a guest that lets nobody in', () => {
  test('is restarted by force', async ({ guests }) => {
    const { pid } = qemuOf(guests.layout, 'web');
    await guests.ok(['restart', '--force', 'web']);
    expect(await guests.sh('web', '[ -e /run/before ] || cat data')).toBe('precious');
    expect(qemuOf(guests.layout, 'web').pid).toBe(pid);
    await expectNothingLeft(guests.layout, { web: 'Running' });
  });
});

describe('the end', () => {
  test('comes by a stop, even of a guest that a killed start left standing', async ({ guests }) => {
    const { layout } = guests;
    await guests.ok(['suspend', 'web']);
    await killWhenItSays(guests.begin(['start', 'web', '-vvvv']), '"execute":"qom-get"');
    await Promise.all([guests.ok(['stop', 'web']), guests.ok(['stop', 'web'])]);
    expect(await tagsOf(layout, 'web')).toEqual([]);
    await expectNothingLeft(layout, { web: 'Stopped' });
    await run('qemu-img', ['check', '-q', layout.instance('web').disk]);
  });
});

/** Shell: somebody else listens on the port that this QEMU is to forward, for a while, and QEMU cannot. */
const TAKE_ITS_PORT = `
      port=$(printf '%s\\n' "$@" | sed -n 's/.*hostfwd=tcp:127.0.0.1:\\([0-9]*\\)-.*/\\1/p')
      listen='import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
open(sys.argv[2], "w").write(sys.argv[1]); time.sleep(15)'
      taken="$(dirname "$0")/../taken"
      rm -f "$taken"
      (cd / && exec python3 -c "$listen" "$port" "$taken") >/dev/null 2>&1 3>&- &
      while [ ! -s "$taken" ]; do sleep 0.05; done
      echo 'Could not set up host forwarding rule' >&2`;

/** A PATH on which QEMU fails with these words at its first start. */
async function withQemuThatFirst(layout: StoreLayout, does: string): Promise<string> {
  const folder = join(dirname(layout.root), 'bin');
  await mkdir(folder, { recursive: true });
  const path = process.env['PATH'] ?? '';
  const script = `#!/bin/sh
    PATH=$REAL_PATH
    if [ ! -e "$0.failed" ]; then
      touch "$0.failed"
      ${does}
      exit 1
    fi
    exec qemu-system-x86_64 "$@"`.replace('$REAL_PATH', `'${path}'`);
  const qemu = join(folder, 'qemu-system-x86_64');
  await writeFile(qemu, script);
  await run('rm', ['-f', `${qemu}.failed`]);
  await chmod(qemu, 0o755);
  return `${folder}${delimiter}${path}`;
}
