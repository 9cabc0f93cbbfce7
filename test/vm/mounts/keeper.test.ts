import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { takeKernelLock } from '../../../src/store/kernel-lock.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import {
  endKeeper,
  endKeepers,
  lastWordsOf,
  startKeeper,
  type KeptMount,
} from '../../../src/vm/mounts/keeper.js';
import { mountTag } from '../../../src/vm/mounts/mount-tag.js';
import { noteOf, workIn } from '../../support/pretend-to-run.js';
import { makeInstance, test as base } from '../../support/store-fixture.js';

const FILES = { passwd: Buffer.from('passwd'), filter: Buffer.from('filter') };

/** Keepers look about them every 3 s. */
const PATIENCE = { timeout: 15_000, interval: 50 };

interface Lab {
  readonly kept: KeptMount;
  readonly dir: InstanceDir;
  /** Where what the client got from the server goes. */
  readonly got: string;
  /** Joins two lines of shell. */
  readonly keep: (server: string, client: string) => Promise<void>;
  /** Lets go of the lock that a QEMU would hold. */
  readonly endRun: () => Promise<void>;
}

const test = base.extend<{ lab: Lab }>({
  lab: async ({ store }, use) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    await mkdir(dir.run);
    await writeFile(dir.qemuPid, 'this run');
    const lock = (await takeKernelLock(dir.lock, { mode: 'exclusive', wait: true }))!;
    const kept = { layout, dir, tag: mountTag('/x') };
    const keep: Lab['keep'] = async (server, client) => {
      const sh = (line: string): string[] => ['sh', '-c', line];
      const joined = { server: sh(server), client: sh(client) };
      await startKeeper(kept, () => Promise.resolve(joined), FILES);
    };
    let isHeld = true;
    const endRun = async (): Promise<void> => {
      if (isHeld) await lock.close();
      isHeld = false;
    };
    await use({ kept, dir, got: join(layout.root, 'got'), keep, endRun });
    await endRun();
    await endKeepers(dir);
  },
});

function filesOf({ dir, kept }: Lab): string[] {
  return readdirSync(dir.run).filter((name) => name.startsWith(kept.tag));
}

/** The processes whose working directory is in the store, or was. */
function processesAt(layout: StoreLayout): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const folder = /^\d+$/.test(pid) ? readlinkSync(`/proc/${pid}/cwd`) : '';
      return `${folder}/`.startsWith(`${layout.root}/`);
    } catch {
      return false;
    }
  });
}

/** What is ended by a signal takes its moment. */
async function expectNobodyAt(layout: StoreLayout): Promise<void> {
  await vi.waitFor(() => {
    expect(processesAt(layout)).toEqual([]);
  }, PATIENCE);
}

describe('the keeper of a mount', () => {
  test('joins a server and a client, both ways', async ({ lab }) => {
    await lab.keep(
      'read line; echo "you said: $line"; sleep 100',
      'echo hello; read line; echo "$line" >got; sleep 100',
    );
    await vi.waitFor(() => {
      expect(readFileSync(lab.got, 'utf8')).toBe('you said: hello\n');
    }, PATIENCE);
    expect(lastWordsOf(lab.kept)).toBe(null);
    await endKeeper(lab.dir, lab.kept.tag);
    expect(filesOf(lab)).toEqual([]);
    await expectNobodyAt(lab.kept.layout);
  });

  test('tells why they have ended, and joins them again', async ({ lab }) => {
    await lab.keep('echo "no such key" >&2', 'echo one >>got; echo "bad luck" >&2');
    await vi.waitFor(() => {
      expect(lastWordsOf(lab.kept)?.split('; ').toSorted()).toEqual(['bad luck', 'no such key']);
    }, PATIENCE);
    await vi.waitFor(async () => {
      expect(await readFile(lab.got, 'utf8')).toBe('one\none\n');
    }, PATIENCE);
  });

  test('ends with the run of its instance', async ({ lab }) => {
    await lab.keep('true', 'true');
    await vi.waitFor(() => {
      expect(lastWordsOf(lab.kept)).toBe('');
    }, PATIENCE);
    await lab.endRun();
    await vi.waitFor(() => {
      expect(filesOf(lab)).toEqual(
        ['filter', 'passwd'].map((ending) => `${lab.kept.tag}.${ending}`),
      );
    }, PATIENCE);
    await expectNobodyAt(lab.kept.layout);
  });

  test('ends when the instance has been started anew, or removed', async ({ lab }) => {
    await lab.keep('true', 'true');
    await writeFile(lab.dir.qemuPid, 'another run');
    await expectNobodyAt(lab.kept.layout);
    await writeFile(lab.dir.qemuPid, 'this run');
    await lab.keep('true', 'true');
    // It may be making a file there at this very moment.
    await rm(lab.dir.path, { recursive: true, maxRetries: 10 });
    await expectNobodyAt(lab.kept.layout);
    expect(existsSync(lab.dir.path)).toBe(false);
  });

  test('that was killed leaves nothing in the way of the next', async ({ lab }) => {
    await lab.keep('sleep 100', 'sleep 100');
    const pidfile = lab.dir.runFile(`${lab.kept.tag}.pid`);
    await vi.waitFor(() => expect(existsSync(pidfile)).toBe(true), PATIENCE);
    const { pid } = JSON.parse(await readFile(pidfile, 'utf8')) as { pid: number };
    process.kill(-pid, 'SIGKILL');
    await lab.keep('echo hello; sleep 100', 'read line; echo "$line" >got; sleep 100');
    await vi.waitFor(() => {
      expect(readFileSync(lab.got, 'utf8')).toBe('hello\n');
    }, PATIENCE);
  });

  test('has no keeper left, and none of another, when all are ended', async ({ lab }) => {
    const { dir, kept } = lab;
    await lab.keep('sleep 100', 'sleep 100');
    await writeFile(dir.runFile('mounts.lock'), '');
    await endKeepers(dir);
    expect(processesAt(kept.layout)).toEqual([]);
    expect(readdirSync(dir.run).toSorted()).toEqual(['mounts.lock', 'qemu.pid']);
  });

  const STRANGERS: Record<string, (dir: InstanceDir) => Promise<string>> = {
    'started at a time that nobody knows': async (dir) =>
      noteOf(await workIn(dir.path), { startTime: '0' }),
    'works somewhere else': async (dir) => noteOf(await workIn(join(dir.path, '..'))),
    'was started in another boot': async (dir) =>
      noteOf(await workIn(dir.path), { boot: '00000000-1111-2222-3333-444444444444' }),
  };
  test.for(Object.entries(STRANGERS))(
    'is not taken for a process that %s',
    async ([, note], { lab: { dir, kept } }) => {
      const text = await note(dir);
      const { pid } = JSON.parse(text) as { pid: number };
      await writeFile(dir.runFile(`${kept.tag}.pid`), text);
      await endKeepers(dir);
      expect(process.kill(pid, 0)).toBe(true);
      expect(existsSync(dir.runFile(`${kept.tag}.pid`))).toBe(false);
    },
  );

  test('of the original is not ended with a copy of its folder', async ({ lab }) => {
    await lab.keep('sleep 100', 'sleep 100');
    const copy = lab.kept.layout.instance('copy');
    await cp(lab.dir.path, copy.path, {
      recursive: true,
      filter: (path) => !path.endsWith('fifo'),
    });
    await endKeepers(copy);
    expect(lastWordsOf(lab.kept)).toBe(null);
    expect(processesAt(lab.kept.layout)).not.toEqual([]);
  });
});
