import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { geteuid } from 'node:process';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { tapName } from '../../src/net/bridge/tap.js';
import { findProgram } from '../../src/process/programs.js';
import { run } from '../../src/process/run.js';
import { asConfined, confineQemu } from '../../src/qemu/confine-qemu.js';
import { machineArguments, type Machine } from '../../src/qemu/machine.js';
import { qemuFiles } from '../../src/qemu/qemu-files.js';
import { startQemu, type StartedQemu } from '../../src/qemu/start-qemu.js';
import { liveProcessOf } from '../../src/store/pid-file.js';
import { layCable } from '../../src/net/bridge/cable.js';
import { test as base } from '../support/store-fixture.js';

const MACHINE: Machine = {
  arch: 'x86_64',
  type: 'pc',
  accelerator: 'tcg',
  cpus: 1,
  memory: 32 * 1024 ** 2,
  uuid: '11111111-2222-4333-8444-555555555555',
  vmgenid: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  hasSeed: true,
  cards: [
    { mac: '52:54:00:00:00:01', backend: { kind: 'user', subnet: '10.1.2.0/24', sshPort: null } },
  ],
  shares: [],
  seenAs: null,
};
const FILES = { disk: 'disk.qcow2', bases: ['base-1.qcow2'], seed: 'seed.iso', run: 'run' };
const ROOT = geteuid!() === 0;

interface Place {
  readonly folder: string;
  readonly shared: string;
  /** Starts a machine in a sandbox; it is killed with the test at the latest. */
  readonly start: (changes?: Partial<Machine>, lock?: number) => Promise<StartedQemu>;
}

const test = base.extend<{ place: Place }>({
  place: async ({ root }, use) => {
    const folder = join(root, 'instances, 100% "$HOME"', 'web');
    const shared = join(root, 'shared, by: all');
    await mkdir(join(folder, 'run'), { recursive: true });
    await mkdir(shared);
    await writeFile(join(folder, 'spec.json'), '{}');
    await writeFile(join(folder, 'seed.iso'), Buffer.alloc(64 * 1024));
    for (const disk of ['base-1.qcow2', 'disk.qcow2']) {
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '8M'], { cwd: folder });
    }
    const program = await realpath(findProgram('qemu-system-x86_64') ?? '');
    const parts = await qemuFiles(program);
    const start: Place['start'] = async (changes = {}, lock) => {
      const machine = { ...MACHINE, ...changes };
      const started = await startQemu({
        program,
        args: machineArguments(asConfined(machine), FILES),
        world: async (filter) =>
          await confineQemu({ machine, files: FILES, parts, folder, filter }),
        equip: async (pid) => {
          for (const [index, { backend }] of machine.cards.entries()) {
            if (backend.kind === 'tap') await layCable({ tap: backend.tap, pid, index });
          }
        },
        folder,
        run: 'run',
        lock,
      });
      onTestFinished(() => {
        started.client.close();
        kill(started.pid);
      });
      return started;
    };
    await use({ folder, shared, start });
  },
});

/** The mounts in the world of a process, with whether they can be written to; those of no file system are left out. */
async function mountsOf(pid: number): Promise<Map<string, 'rw' | 'ro'>> {
  const text = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
  const lines = text.trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const [, , , , place = '', options = ''] = line.split(' ');
      const path = place.replaceAll(/\\(\d{3})/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 8)),
      );
      return [path, options.split(',').includes('rw') ? 'rw' : 'ro'] as const;
    }),
  );
}

describe('a confined QEMU', () => {
  test('writes to its disk, its sockets and what is shared, and to nothing else', async ({
    place,
  }) => {
    const { folder, shared, start } = place;
    const shares = [{ tag: 'm1', path: shared, security: 'none' }] as const;
    const { pid, client } = await start({ shares });
    expect(await client.execute('query-uuid')).toEqual({ UUID: MACHINE.uuid });
    const mounts = await mountsOf(pid);
    const writable = [...mounts].filter(([, how]) => how === 'rw').map(([path]) => path);
    expect(writable.filter((path) => !/^\/(?:dev|proc)(?:\/|$)/.test(path)).toSorted()).toEqual(
      [join(folder, 'disk.qcow2'), join(folder, 'run/sockets'), '/shares/m1'].toSorted(),
    );
    expect(mounts.get(folder)).toBe('ro');
    expect(mounts.get('/')).toBe('ro');
  });

  test('has nothing of the host but itself', async ({ place }) => {
    const { folder, start } = place;
    const { pid } = await start();
    const mounts = [...(await mountsOf(pid)).keys()];
    const strange = mounts.filter(
      (path) =>
        !path.startsWith(folder) &&
        !/^\/(?:$|usr\/|lib\/|lib64\/|bin\/|dev\/(?:null|urandom)$|etc\/(?:ld\.so\.cache|resolv\.conf)$|run\/)/.test(
          path,
        ),
    );
    expect(strange).toEqual([]);
    if (!ROOT) return;
    const top = await readdir(`/proc/${pid}/root`);
    expect(top).not.toContain('home');
    expect(top).not.toContain('root');
    expect(top).not.toContain('proc');
    expect(await readdir(`/proc/${pid}/root/etc`)).not.toContain('passwd');
    expect(await readdir(`/proc/${pid}/root/dev`)).toEqual(
      expect.not.arrayContaining(['kvm', 'net']),
    );
  });

  test('has no rights, sees no other process, and none of our environment', async ({ place }) => {
    vi.stubEnv('A_PASSWORD', 'secret');
    const { pid } = await place.start();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'));
    }
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
    expect(status).toMatch(/^Seccomp_filters:\t2$/m);
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    expect(environment.filter((word) => word !== '')).toEqual(['LC_ALL=C']);
    const own = await Promise.all(
      ['net', 'ipc', 'uts'].map(async (kind) => [
        kind,
        (await readlink(`/proc/${pid}/ns/${kind}`)) !== (await readlink(`/proc/self/ns/${kind}`)),
      ]),
    );
    // QEMU's own network is one of the host's programs.
    expect(own).toEqual([
      ['net', false],
      ['ipc', true],
      ['uts', true],
    ]);
  });

  test('has no network where its machine has none', async ({ place }) => {
    const { pid } = await place.start({ cards: [] });
    expect(await readlink(`/proc/${pid}/ns/net`)).not.toBe(await readlink('/proc/self/ns/net'));
  });

  test.runIf(ROOT)("has those of root's rights that shared folders take", async ({ place }) => {
    const shares = [{ tag: 'm1', path: place.shared, security: 'passthrough' }] as const;
    const { pid } = await place.start({ shares });
    // CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER.
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^CapEff:\t0+b$/m);
  });

  test.runIf(ROOT)(
    'on a bridge opens its tap without any right, in a network of its own',
    async ({ place }) => {
      const tap = tapName(randomUUID(), 0);
      const backend = { kind: 'tap', tap, bridge: 'none', within: 'host' } as const;
      const { pid } = await place.start({ cards: [{ mac: '52:54:00:00:00:01', backend }] });
      expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^CapEff:\t0+$/m);
      expect(await readlink(`/proc/${pid}/ns/net`)).not.toBe(await readlink('/proc/self/ns/net'));
      const { stdout } = await run('nsenter', ['-t', String(pid), '-n', 'ip', 'link', 'show', tap]);
      // Only when somebody has it open.
      expect(stdout).toContain('LOWER_UP');
      const link = `/sys/class/net/${tap}`;
      expect(existsSync(link)).toBe(true);
      kill(pid);
      await vi.waitFor(() => expect(existsSync(link)).toBe(false), { timeout: 20_000 });
    },
  );

  test('is somebody else to itself where ids are mapped, and has no rights then', async ({
    place,
  }) => {
    const shares = [{ tag: 'm1', path: place.shared, security: 'none' }] as const;
    const { pid } = await place.start({ shares, seenAs: { uid: 1234, gid: 4321 } });
    const maps = await readFile(`/proc/${pid}/uid_map`, 'utf8');
    expect(maps.trim().split(/\s+/)).toEqual(['1234', String(geteuid!()), '1']);
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^CapEff:\t0+$/m);
  });

  test('is what the pid file names, at work in its folder, and holds the lock until it ends', async ({
    place,
  }) => {
    const { folder, start } = place;
    const lock = await open(join(folder, 'lock'), 'w');
    await run('flock', ['-x', '3'], { fd3: lock.fd });
    const { pid, client } = await start({}, lock.fd);
    await lock.close();
    expect(await readFile(`/proc/${pid}/comm`, 'utf8')).toMatch(/^qemu-system/);
    expect(await readlink(`/proc/${pid}/cwd`)).toBe(folder);
    expect(liveProcessOf(join(folder, 'run/qemu.pid'), folder)).toBe(pid);
    const locked = async (): Promise<boolean> => {
      const asked = ['-n', '-x', join(folder, 'lock'), 'true'];
      return (await run('flock', asked, { okExitCodes: [0, 1] })).exitCode === 1;
    };
    expect(await locked()).toBe(true);
    client.close();
    kill(pid);
    await vi.waitFor(async () => expect(await locked()).toBe(false), { timeout: 20_000 });
    expect(liveProcessOf(join(folder, 'run/qemu.pid'), folder)).toBeUndefined();
  });

  test('says why it does not start', async ({ place }) => {
    const started = place.start({ type: 'no-such-board' });
    await expect(started).rejects.toMatchObject({
      code: 'QEMU_FAILED',
      message: expect.stringContaining('unsupported machine type') as string,
    });
  });
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
