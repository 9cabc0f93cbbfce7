import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, vi } from 'vitest';
import type { MultipassError } from '../../../src/errors.js';
import { listeningPorts } from '../../../src/vm/guest/wait-for.js';
import type { VirtualMachine } from '../../../src/vm/virtual-machine.js';
import { pretendGuest, type PretendGuest } from '../../support/pretend-guest.js';
import { errorOf } from '../../support/refusal.js';
import { test as base } from '../../support/store-fixture.js';

/** The session of a guest: its user's shell, in the home folder, with the line that ssh would have sent. */
const SESSION = `for LAST; do :; done; cd "$GUEST_HOME" || exit 255; exec /bin/sh -c "$LAST"`;

interface Entered extends PretendGuest {
  readonly vm: VirtualMachine;
}

const test = base.extend<{ web: Entered; ssh: (script: string) => Promise<void> }>({
  web: async ({ store }, use) => {
    const guest = await pretendGuest(store.layout, 'web', SESSION);
    vi.stubEnv('PATH', guest.path);
    await use({ ...guest, vm: await store.get('web') });
  },
  ssh: async ({ web }, use) => {
    await use((script) => writeFile(join(web.home, '..', 'bin', 'ssh'), `#!/bin/sh\n${script}\n`));
  },
});

async function gone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), { timeout: 5000 });
}

describe('a program in a guest', () => {
  test('gets its arguments as they are, and what it writes comes back whole', async ({ web }) => {
    const words = ['%s|', 'a b', '$HOME', '*', "it's", '"', ';exit 1', '', '-n', 'ä\nö', '\\'];
    const { vm } = web;
    expect(await vm.exec(['printf', ...words])).toEqual({
      exitCode: 0,
      signal: null,
      stdout: `${words.slice(1).join('|')}|`,
      stderr: '',
    });
    const odd = await vm.exec(['sh', '-c', String.raw`printf '\377\0\n'; echo oh >&2; exit 3`], {
      encoding: 'buffer',
    });
    expect([...odd.stdout]).toEqual([255, 0, 10]);
    expect([odd.exitCode, odd.stderr.toString()]).toEqual([3, 'oh\n']);
  });

  test('reads what it is given, be it text, bytes or a stream', async ({ web: { vm } }) => {
    const megabytes = Buffer.alloc(3 * 1024 ** 2, 'multipass ');
    async function* pieces(): AsyncGenerator<string> {
      for (const piece of ['one ', 'two']) {
        await pause(5);
        yield piece;
      }
    }
    expect((await vm.exec(['cat'], { input: 'text' })).stdout).toBe('text');
    const back = await vm.exec(['cat'], { input: megabytes, encoding: 'buffer' });
    expect(back.stdout.equals(megabytes)).toBe(true);
    expect((await vm.exec(['cat'], { input: pieces() })).stdout).toBe('one two');
    expect((await vm.exec(['cat'])).stdout).toBe('');
    expect((await vm.exec(['true'], { input: megabytes })).exitCode).toBe(0);
  });

  test('has a folder and variables of its own', async ({ web: { vm, home } }) => {
    await mkdir(join(home, 'a folder'));
    const env = { GREETING: "it's $HOME", EMPTY: '' };
    const argv = ['sh', '-c', 'pwd; echo "$GREETING${EMPTY-none}"'];
    const { stdout } = await vm.exec(argv, { cwd: 'a folder', env });
    expect(stdout).toBe(`${home}/a folder\nit's $HOME\n`);
  });

  test('is heard as it writes', async ({ web: { vm } }) => {
    const heard: string[] = [];
    const say = (kind: string) => (piece: Uint8Array) =>
      void heard.push(`${kind} ${Buffer.from(piece).toString().trim()}`);
    const argv = ['sh', '-c', 'echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three'];
    await vm.exec(argv, { onStdout: say('out'), onStderr: say('err') });
    expect(heard).toEqual(['out one', 'err two', 'out three']);
  });

  test('that cannot be run is another failure than one that ran and failed', async ({ web }) => {
    const { vm } = web;
    const code = 'COMMAND_NOT_RUN';
    const missing = await errorOf(vm.exec(['no-such-program', 'x']), code);
    expect(missing.message).toBe('cannot run "no-such-program" in "web": there is no such program');
    const nowhere = await errorOf(vm.exec(['true'], { cwd: '/no/where' }), code);
    expect(nowhere.message).toBe('cannot run "true" in "web": there is no folder "/no/where"');
    const stranger = await errorOf(vm.exec(['true'], { user: 'nobody-at-all' }), code);
    expect(stranger.message).toMatch(/^cannot run "true" in "web": .*nobody-at-all/s);

    const failing = ['sh', '-c', 'echo first >&2; echo last words >&2; exit 127'];
    expect((await vm.exec(failing)).exitCode).toBe(127);
    const failed = await errorOf(vm.exec(failing, { check: true }), 'COMMAND_FAILED');
    expect(failed.message).toBe('"sh" in "web" failed (exit code 127): last words');
    expect(failed.details).toMatchObject({ exitCode: 127, stderr: 'first\nlast words\n' });
  });

  test('may end with 255, or by a signal, and that is told from ssh’s own end', async ({
    web: { vm },
    ssh,
  }) => {
    expect((await vm.exec(['sh', '-c', 'exit 255'])).exitCode).toBe(255);
    const killed = await vm.exec(['sh', '-c', 'kill -9 $$']);
    expect(killed).toEqual({ exitCode: 137, signal: 'SIGKILL', stdout: '', stderr: '' });
    const last = 'while [ $# -gt 0 ]; do case $1 in -E) log=$2;; esac; last=$1; shift; done';
    const lose = 'echo "client_loop: send disconnect: Broken pipe" >"$log"; exit 255';
    await ssh(`${last}; /bin/sh -c "$last"; ${lose}`);
    const lost = await errorOf(vm.exec(['echo', 'done']), 'SSH_FAILED');
    expect(lost.message).toContain('Broken pipe');
    await ssh(`${last}; echo "ssh: connect to host port 1: Connection refused" >"$log"; exit 255`);
    const refused = await errorOf(vm.exec(['echo', 'done']), 'SSH_FAILED');
    expect(refused.message).toContain('Connection refused');
  });

  test('is refused when it can be none', async ({ web: { vm } }) => {
    const bad: [string[], object][] = [
      [[], {}],
      [[''], {}],
      [['a\0b'], {}],
      [['true'], { env: { 'A=B': 'c' } }],
      [['true'], { env: { A: '\0' } }],
      [['true'], { user: 'root; reboot' }],
      [['true'], { cwd: 'a\0b' }],
    ];
    for (const [argv, options] of bad) await errorOf(vm.exec(argv, options), 'INVALID_ARGUMENT');
  });

  test('is ended when its time is over, or by a signal', async ({ web: { vm, home } }) => {
    const argv = ['sh', '-c', 'echo $$ >pid; echo waiting >&2; exec sleep 600'];
    const slow = await errorOf(vm.exec(argv, { timeoutMs: 500 }), 'TIMED_OUT');
    expect(slow.details).toMatchObject({ stderr: 'waiting\n' });
    await gone(Number(readFileSync(join(home, 'pid'), 'utf8')));

    const controller = new AbortController();
    const running = vm.exec([...argv.slice(0, 2), 'echo $$ >pid2; exec sleep 600'], {
      work: { signal: controller.signal },
    });
    const path = join(home, 'pid2');
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toMatch(/^\d+\n$/), {
      timeout: 5000,
    });
    controller.abort();
    await errorOf(running, 'ABORTED');
    await gone(Number(readFileSync(path, 'utf8')));
    await errorOf(vm.exec(['true'], { work: { signal: controller.signal } }), 'ABORTED');
  });

  test('runs beside 63 others, and nothing is left of them', async ({ web: { vm } }) => {
    const before = readdirSync('/proc/self/fd').length;
    const numbers = Array.from({ length: 64 }, (_, index) => String(index));
    const all = await Promise.all(numbers.map((number) => vm.exec(['echo', number])));
    expect(all.map(({ stdout }) => stdout.trim())).toEqual(numbers);
    await vi.waitFor(() => expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 8));
  });
});

describe('a program in a guest that is talked to', () => {
  test('gives its lines as they come, and ends with the block', async ({ web: { vm } }) => {
    let pid: number;
    {
      await using program = await vm.spawn(['sh', '-c', 'echo one; read x; echo "$x"; sleep 600']);
      ({ pid } = program);
      expect(inspect({ program })).toBe(`{ program: GuestProcess(${pid}, running) }`);
      expect(JSON.stringify(program)).toBe(`{"pid":${pid}}`);
      const lines: string[] = [];
      for await (const line of program) {
        lines.push(line);
        if (lines.length === 1) program.stdin.write('two\n');
        else break;
      }
      expect(lines).toEqual(['one', 'two']);
    }
    await gone(pid);
  });

  test('can be sent a signal, and tells how it ended', async ({ web: { vm } }) => {
    const program = await vm.spawn([
      'sh',
      '-c',
      'trap "exit 7" USR1; echo up; while :; do sleep 0.1; done',
    ]);
    for await (const line of program) if (line === 'up') break;
    await program.kill('SIGUSR1');
    expect(await program.exited).toEqual({ exitCode: 7, signal: null });
    await program.kill();
  });

  test('begins with its own output, whatever a login script says before', async ({
    web: { vm },
    ssh,
  }) => {
    await ssh(`for LAST; do :; done; echo "welcome"; printf 'to all '; /bin/sh -c "$LAST"`);
    // What has no line break of its own would have become a part of ours.
    await errorOf(vm.exec(['echo', 'x']), 'COMMAND_NOT_RUN');
    await ssh(`for LAST; do :; done; echo "welcome"; /bin/sh -c "$LAST"`);
    expect((await vm.exec(['echo', 'x'])).stdout).toBe('x\n');
  });
});

describe('waiting for a guest', () => {
  test('ends when a file is there, a program succeeds, or the console says so', async ({ web }) => {
    const { vm, home, dir } = web;
    const waiting = Promise.all([
      vm.waitFor({ file: 'flag' }),
      vm.waitFor({ command: ['test', '-s', 'flag'] }),
      vm.waitFor({ log: /server is (?:up|ready)/g }),
    ]);
    await pause(300);
    await mkdir(dir.run, { recursive: true });
    await writeFile(dir.consoleLog, 'boot\nserver is ready\n');
    await writeFile(join(home, 'flag'), 'x');
    await waiting;
  });

  test('says what was seen at last, and the end of the console, when it is over', async ({
    web,
  }) => {
    const { vm, dir } = web;
    await writeFile(dir.consoleLog, 'the last line\n');
    const over = async (attempt: Promise<void>): Promise<MultipassError> =>
      await errorOf(attempt, 'TIMED_OUT');
    const limit = { timeoutMs: 600 };
    const noFile = await over(vm.waitFor({ file: '/no/such' }, limit));
    expect(noFile.message).toBe(
      'waited 600 ms for a file in "web" in vain: "/no/such" is not there',
    );
    expect(noFile.details).toMatchObject({ console: 'the last line' });
    const argv = ['sh', '-c', 'echo not yet; exit 4'];
    const noSuccess = await over(vm.waitFor({ command: argv }, limit));
    expect(noSuccess.message).toContain('ended with 4:\nnot yet');
    const noPort = await over(vm.waitFor({ port: 1 }, limit));
    expect(noPort.message).toMatch(/nothing listens on port 1; on others: /);
  });

  test('is refused for no port, and given up', async ({ web: { vm } }) => {
    for (const port of [0, 65_536, 1.5, NaN]) {
      await errorOf(vm.waitFor({ port }), 'INVALID_ARGUMENT');
    }
    await errorOf(vm.waitFor({} as { port: number }), 'INVALID_ARGUMENT');
    const work = { signal: AbortSignal.timeout(200) };
    await errorOf(vm.waitFor({ file: '/no/such' }, { work }), 'ABORTED');
  });

  test('reads the kernel’s tables of both families', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:0016 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0
   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0`;
    expect(listeningPorts(table)).toEqual([80, 8080]);
    expect(listeningPorts('')).toEqual([]);
  });
});
