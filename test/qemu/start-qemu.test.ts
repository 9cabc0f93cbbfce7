import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, open, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { run } from '../../src/process/run.js';
import { machineArguments, type Machine } from '../../src/qemu/machine.js';
import { startQemu, type StartRequest, type StartedQemu } from '../../src/qemu/start-qemu.js';
import { liveProcessOf } from '../../src/store/pid-file.js';
import { isProcessAlive } from '../../src/store/maker-token.js';
import { test as base } from '../support/store-fixture.js';

type Start = (request?: Partial<StartRequest>) => Promise<StartedQemu>;

/** Starts QEMUs without a guest in `folder`; they are killed with the test at the latest. */
const test = base.extend<{ folder: string; start: Start }>({
  folder: async ({ root }, use) => {
    await mkdir(join(root, 'run'), { recursive: true });
    await use(root);
  },
  start: async ({ folder }, use) => {
    const started: StartedQemu[] = [];
    await use(async (request = {}) => {
      const defaults = { program: QEMU, args: IDLE, folder, run: 'run', lock: undefined };
      const qemu = await startQemu({ ...defaults, ...request });
      started.push(qemu);
      return qemu;
    });
    for (const { client, pid } of started) {
      client.close();
      kill(pid);
    }
  },
});

const QEMU = 'qemu-system-x86_64';
const IDLE = [
  ...['-no-user-config', '-nodefaults', '-display', 'none', '-S', '-machine', 'none'],
  ...['-qmp', 'unix:run/sockets/qmp.sock,server=on,wait=off'],
];

const CARD: Machine['cards'][0] = {
  mac: '52:54:00:00:00:01',
  backend: { kind: 'user', subnet: '10.1.2.0/24', sshPort: null },
};
const MACHINE: Machine = {
  arch: 'x86_64',
  type: 'pc',
  accelerator: 'tcg',
  cpus: 1,
  memory: 32 * 1024 ** 2,
  uuid: '11111111-2222-4333-8444-555555555555',
  vmgenid: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  hasSeed: true,
  cards: [CARD],
  shares: [],
  seenAs: null,
};
const FILES = { disk: 'disk.qcow2', bases: [], seed: 'seed.iso', run: 'run' };

async function withDisk(folder: string, disk = FILES.disk): Promise<void> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '8M'], { cwd: folder });
  await writeFile(join(folder, FILES.seed), Buffer.alloc(64 * 1024));
}

function machineWith(backend: Machine['cards'][0]['backend']): string[] {
  return machineArguments({ ...MACHINE, cards: [{ ...CARD, backend }] }, FILES);
}

describe('startQemu', () => {
  test('starts a machine that answers, and whose guest does not run yet', async ({
    folder,
    start,
  }) => {
    await withDisk(folder);
    const { client } = await start({ args: machineArguments(MACHINE, FILES) });
    expect(await client.execute('query-status')).toMatchObject({ status: 'prelaunch' });
    expect(await client.execute('query-uuid')).toEqual({ UUID: MACHINE.uuid });
    expect(await client.execute('query-vm-generation-id')).toEqual({ guid: MACHINE.vmgenid });
  });

  test('has its pid and start time written before QEMU is there', async ({ folder, start }) => {
    const program = await fake(folder, 'cp run/qemu.pid seen; exec "$REAL" "$@"');
    const { pid } = await start({ program });
    const text = await readFile(join(folder, 'seen'), 'utf8');
    const record = JSON.parse(text) as { pid: number; startTime: string };
    expect(record.pid).toBe(pid);
    expect(isProcessAlive(pid, record.startTime)).toBe(true);
    expect(isProcessAlive(pid, String(Number(record.startTime) + 1))).toBe(false);
    expect(await readFile(join(folder, 'run/qemu.pid'), 'utf8')).toBe(text);
  });

  test('is named by the pid file, and equipped, only once it is at work in its folder', async ({
    folder,
    start,
  }) => {
    // A sandbox that takes long to be made; a process that were named too early would be found in the second.
    const slow = [
      'printf "{ \\"child-pid\\": %s }\\n" $$ >&6; exec 6>&-; tries=0',
      `while [ ! -e '${folder}/run/qemu.pid' ] && [ $tries -lt 10 ]; do tries=$((tries + 1)); sleep 0.1; done`,
      `[ -e '${folder}/run/qemu.pid' ] && touch '${folder}/early'; cd '${folder}' && exec "$@"`,
    ].join('; ');
    const seen: unknown[] = [];
    const { pid } = await start({
      world: () => Promise.resolve(['/bin/sh', '-c', slow, 'sh']),
      equip: async (process) => {
        seen.push(process, await readlink(`/proc/${process}/cwd`), await readdir(folder));
      },
    });
    expect(seen).toEqual([pid, folder, ['run']]);
    expect(await readdir(folder)).toEqual(['run']);
    expect(liveProcessOf(join(folder, 'run/qemu.pid'), folder)).toBe(pid);
  });

  test('is dead when it cannot be equipped, and says why a sandbox could not be made', async ({
    folder,
    start,
  }) => {
    let equipped = 0;
    const world = (script: string) => () => Promise.resolve(['/bin/sh', '-c', script, 'sh']);
    const tell = 'printf "{ \\"child-pid\\": %s }\\n" $$ >&6; exec 6>&-';
    await expect(
      start({
        world: world(`${tell}; cd '${folder}' && exec "$@"`),
        equip: (pid) => {
          equipped = pid;
          return Promise.reject(new Error('no cable'));
        },
      }),
    ).rejects.toThrow('no cable');
    expect(() => process.kill(equipped, 0)).toThrow('ESRCH');
    await expect(
      start({
        world: world(`${tell}; echo "bwrap: no world" >&2; exit 1`),
        equip: () => Promise.reject(new Error('not to be called')),
      }),
    ).rejects.toMatchObject({ message: expect.stringContaining('bwrap: no world') as string });
  });

  test('lets QEMU hold the lock for as long as it lives, whoever has started it', async ({
    folder,
    start,
  }) => {
    const lock = await open(join(folder, 'lock'), 'w');
    await run('flock', ['-x', '3'], { fd3: lock.fd });
    const { client, pid } = await start({ lock: lock.fd });
    await lock.close();
    expect(await isLocked(folder)).toBe(true);
    client.close();
    await client.closed;
    expect(await isLocked(folder)).toBe(true);
    kill(pid);
    await vi.waitFor(async () => expect(await isLocked(folder)).toBe(false), { timeout: 20_000 });
  });

  test('gives it none of our own environment', async ({ start }) => {
    vi.stubEnv('A_PASSWORD', 'secret');
    vi.stubEnv('SSH_AUTH_SOCK', '/tmp/agent');
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8');
    const { pid } = await start();
    vi.unstubAllEnvs();
    const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').slice(0, -1);
    expect(variables.toSorted()).toEqual(['LC_ALL=C', `PATH=${process.env['PATH']}`]);
  });

  test.for([
    ['its device models, but has no shell', []],
    ['a network of its own', ['-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n']],
    ['a shared folder', ['-fsdev', 'local,id=s,path=.,security_model=none']],
  ] as const)('has a filter of system calls with %s', async ([, more], { folder, start }) => {
    await withDisk(folder);
    const { pid } = await start({ args: [...machineArguments(MACHINE, FILES), ...more] });
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
  });

  test.for([
    ['the disk names a file of the host', 'disk.qcow2', []],
    ['its base does', 'base-1.qcow2', ['base-1.qcow2']],
    ['the base of its base does', 'base-2.qcow2', ['base-1.qcow2', 'base-2.qcow2']],
  ] as const)('opens nothing of what %s', async ([, liar, bases], { folder, start }) => {
    await writeFile(join(folder, 'secret'), Buffer.alloc(1024 ** 2));
    await withDisk(folder);
    for (const base of bases) await withDisk(folder, base);
    const strange = ['-u', '-F', 'raw', '-b', join(folder, 'secret')];
    await run('qemu-img', ['rebase', '-q', '-f', 'qcow2', ...strange, liar], { cwd: folder });
    const { client } = await start({ args: machineArguments(MACHINE, { ...FILES, bases }) });
    const nodes = await client.execute('query-named-block-nodes', { flat: true });
    const opened = (nodes as { drv: string; file: string }[]).filter(({ drv }) => drv === 'file');
    const files = opened.map(({ file }) => file);
    expect(new Set(files)).toEqual(new Set([FILES.disk, FILES.seed, ...bases]));
  });

  test('gives it no standard input, and a log of its own for what it says', async ({
    folder,
    start,
  }) => {
    const program = await fake(
      folder,
      'readlink /proc/$$/fd/0; echo mumble >&2; exec "$REAL" "$@"',
    );
    await start({ program });
    expect(await readFile(join(folder, 'run/qemu.log'), 'utf8')).toBe('/dev/null\nmumble\n');
  });

  test.for([
    ['is longer than a socket may have', Array.from({ length: 6 }, () => 'f'.repeat(60)).join('/')],
    ['means something to QEMU, the shell and printf', `a,b "c" 'd' %s $HOME \`id\` \\ ; x=y`],
  ])('works in a folder whose path %s', async ([, path], { root, start }) => {
    const folder = join(root, path!);
    await mkdir(join(folder, 'run'), { recursive: true });
    await withDisk(folder);
    const { client } = await start({ folder, args: machineArguments(MACHINE, FILES) });
    const answer = await client.execute('query-named-block-nodes', { flat: true });
    expect(answer).toEqual(
      expect.arrayContaining([expect.objectContaining({ 'node-name': 'head' })]),
    );
    expect(await readFile(join(folder, 'run/qemu.pid'), 'utf8')).toMatch(/^\{"pid": \d+, /);
  });
});

describe('a QEMU that does not start', () => {
  test('says why', async ({ start }) => {
    await expect(start({ args: [...IDLE, '-device', 'no-such-device'] })).rejects.toMatchObject({
      code: 'QEMU_FAILED',
      message:
        `${QEMU} did not start (exit code 1): ${QEMU}: -device no-such-device: 'no-such-device' is not a ` +
        'valid device model name',
    });
  });

  test('may hang up before it says why', async ({ folder, start }) => {
    const args = machineWith({ kind: 'user', subnet: '10.1.2.0/24', sshPort: null });
    await withDisk(folder);
    await expect(start({ args: [...args, '-loadvm', 'suspend'] })).rejects.toMatchObject({
      code: 'QEMU_FAILED',
      message: `${QEMU} did not start (exit code 1): ${QEMU}: Snapshot 'suspend' does not exist in one or more devices`,
    });
  });

  test('is told as missing when it is not installed', async ({ start }) => {
    await expect(start({ program: 'qemu-system-nothing' })).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message: 'the program "qemu-system-nothing" is not installed',
      hint: expect.stringContaining('qemu-system-x86') as string,
    });
  });

  test('is not to blame when what becomes it is missing', async ({ start }) => {
    await expect(start({ through: ['no-such-wrapper', '--'] })).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message: 'the program "no-such-wrapper" is not installed',
    });
  });

  test('is not told as missing when it is something that it lacks', async ({ folder, start }) => {
    const program = join(folder, 'qemu');
    await writeFile(program, '#!/bin/sh\necho "libnone.so: not found" >&2\nexit 127\n');
    await chmod(program, 0o755);
    await expect(start({ program })).rejects.toMatchObject({
      code: 'QEMU_FAILED',
      message: `${program} did not start (exit code 127): libnone.so: not found`,
    });
  });

  test('is told as a disk in use when another one has it open', async ({ folder, start }) => {
    await withDisk(folder);
    const args = machineArguments(MACHINE, FILES);
    await start({ args });
    await mkdir(join(folder, 'other'));
    const others = machineArguments(MACHINE, { ...FILES, run: 'other' });
    await expect(start({ args: others, run: 'other' })).rejects.toMatchObject({
      code: 'DISK_IN_USE',
      message: expect.stringMatching(/^another process uses the disk: .*lock/) as string,
    });
  });

  test('names the port that somebody else has', async ({ folder, start }) => {
    await withDisk(folder);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const args = machineWith({ kind: 'user', subnet: '10.1.2.0/24', sshPort: port });
    await expect(start({ args })).rejects.toMatchObject({
      code: 'QEMU_FAILED',
      message: expect.stringContaining(
        `host forwarding rule 'tcp:127.0.0.1:${port}-:22'`,
      ) as string,
    });
    server.close();
  });

  test('says what it was killed by', async ({ folder, start }) => {
    const program = await fake(folder, 'kill -SEGV $$');
    await expect(start({ program })).rejects.toMatchObject({
      message: `${program} did not start (SIGSEGV)`,
    });
  });

  test('is dead when we are interrupted', async ({ folder, start }) => {
    const program = await fake(folder, 'trap "" TERM INT; touch begun; exec sleep 60');
    const controller = new AbortController();
    const started = start({ program, signal: controller.signal }).catch((error: unknown) => error);
    await vi.waitFor(async () => readFile(join(folder, 'begun')), { timeout: 20_000 });
    controller.abort();
    expect(await started).toMatchObject({ code: 'ABORTED' });
    const { pid } = JSON.parse(await readFile(join(folder, 'run/qemu.pid'), 'utf8')) as {
      pid: number;
    };
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect(start({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

async function isLocked(folder: string): Promise<boolean> {
  const args = ['-n', join(folder, 'lock'), 'true'];
  return (await run('flock', args, { okExitCodes: [0, 1] })).exitCode === 1;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** A program that stands in for QEMU, and may become it: `$REAL`. */
async function fake(folder: string, script: string): Promise<string> {
  const path = join(folder, QEMU);
  const real = execFileSync('sh', ['-c', `command -v ${QEMU}`], { encoding: 'utf8' }).trim();
  await writeFile(path, `#!/bin/sh\nREAL=${real}\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}
