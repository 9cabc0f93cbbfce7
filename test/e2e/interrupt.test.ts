import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { makeInstance } from '../support/store-fixture.js';
import { multipass, startMultipass, type RunningCommand } from '../support/command.js';
import { run } from '../../src/process/run.js';
import { test } from './support/legacy-data.js';
import { expectSoundStore, leftovers } from '../support/sound-store.js';

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

/** Resolves once a disk is being written in staging. */
async function copyingHasBegun(layout: StoreLayout): Promise<void> {
  await vi.waitFor(
    async () => {
      const [token = ''] = await readdir(layout.staging);
      expect((await stat(join(layout.staged(token), 'disk.qcow2'))).size).toBeGreaterThan(0);
    },
    { timeout: 20_000, interval: 20 },
  );
}

/** Resolves once nobody of the command's process group lives; a zombie that nobody buries does not. */
async function everybodyIsGone({ child }: RunningCommand): Promise<void> {
  const isMember = async (pid: string): Promise<boolean> => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state !== 'Z' && group === String(child.pid);
  };
  // What the slow programs pause with outlives them for a moment.
  await vi.waitFor(
    async () => {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      expect(await Promise.all(pids.map(isMember))).not.toContain(true);
    },
    { timeout: 1500 },
  );
}

describe.for([
  ['copies', { data: 16 }],
  ['converts', { data: 16, tags: 1 }],
] as const)('a clone that %s', ([, made]) => {
  test.for(SIGNALS)('leaves nothing behind at %s', async ([signal, exitCode], { store }) => {
    await makeInstance(store.layout, 'web', made);
    const clone = startMultipass(['clone', 'web'], { store: store.root, programs: 'slow' });
    await copyingHasBegun(store.layout);
    clone.signalGroup(signal);
    expect(await clone.finished).toEqual({
      stdout: '',
      stderr: `clone failed: interrupted by ${signal}\n`,
      exitCode,
    });
    await everybodyIsGone(clone);
    expect(await expectSoundStore(store.layout)).toEqual(['web']);
  });
});

describe('an interrupted command', () => {
  test('ends the programs that it has started', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 16 });
    const clone = startMultipass(['clone', 'web', '-n', 'x'], {
      store: store.root,
      programs: 'slow',
    });
    await copyingHasBegun(store.layout);
    const second = await multipass(['clone', 'web', '-n', 'x'], { store: store.root });
    expect(second).toMatchObject({
      stderr: expect.stringMatching(/^clone failed: instance "x" is being prepared\n/) as string,
      exitCode: 2,
    });
    clone.child.kill('SIGTERM');
    expect(await clone.finished).toMatchObject({ exitCode: 143 });
    await everybodyIsGone(clone);
    expect(await multipass(['clone', 'web', '-n', 'x'], { store: store.root })).toMatchObject({
      exitCode: 0,
    });
    expect(await expectSoundStore(store.layout)).toEqual(['web', 'x']);
  });

  test('leaves at once when asked twice, and the next one tidies up', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 16 });
    const clone = startMultipass(['clone', 'web'], { store: store.root, programs: 'stubborn' });
    try {
      await copyingHasBegun(store.layout);
      clone.signalGroup('SIGINT');
      await pause(300);
      expect(clone.child.exitCode).toBeNull();
      const asked = performance.now();
      const ended = new Promise((resolve) => clone.child.once('exit', resolve));
      clone.signalGroup('SIGINT');
      await ended;
      expect(clone.child.signalCode).toBe('SIGINT');
      expect(performance.now() - asked).toBeLessThan(2000);
      expect(await leftovers(store.layout)).not.toEqual([]);
      expect((await multipass(['list'], { store: store.root })).stdout).toMatch(/^web .*\n$/m);
    } finally {
      clone.signalGroup('SIGKILL');
    }
    await clone.finished;
    expect(await multipass(['purge'], { store: store.root })).toMatchObject({ exitCode: 0 });
    expect(await expectSoundStore(store.layout)).toEqual(['web']);
  });
});

describe('a command that is in a loop', () => {
  const SPIN = "fs.writeSync(2, 'spinning\\n'); for (;;);";

  /** Runs these lines before the command. @param root beside which they are kept */
  async function before(lines: string, root: string): Promise<Record<string, string>> {
    const file = join(root, '..', 'before.mjs');
    const imports = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';`;
    await writeFile(file, `${imports} ${lines}`);
    return { NODE_OPTIONS: `--import=${file}`, BUN_OPTIONS: `--preload=${file}` };
  }

  async function isSpinning({ child }: RunningCommand): Promise<void> {
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk) => String(chunk).includes('spinning') && resolve());
    });
  }

  test.for(SIGNALS)('ends at the second %s', async ([signal], { store }) => {
    await makeInstance(store.layout, 'web', { data: 16 });
    const lines = `process.on('${signal}', () => setImmediate(() => setImmediate(() => { ${SPIN} })));`;
    const env = await before(lines, store.root);
    const clone = startMultipass(['clone', 'web'], {
      store: store.root,
      programs: 'stubborn',
      env,
    });
    try {
      await copyingHasBegun(store.layout);
      clone.child.kill(signal);
      await isSpinning(clone);
      const ended = new Promise((resolve) => clone.child.once('exit', resolve));
      clone.child.kill(signal);
      await ended;
      expect(clone.child.signalCode).toBe(signal);
    } finally {
      clone.signalGroup('SIGKILL');
    }
  });

  test.for(SIGNALS)('ends at the first %s when it only reads', async ([signal], { store }) => {
    await makeInstance(store.layout, 'web');
    const env = await before(
      `fs.readdirSync = () => { ${SPIN} }; syncBuiltinESMExports();`,
      store.root,
    );
    const list = startMultipass(['list'], { store: store.root, env });
    await isSpinning(list);
    const ended = new Promise((resolve) => list.child.once('exit', resolve));
    list.child.kill(signal);
    try {
      await ended;
      expect(list.child.signalCode).toBe(signal);
    } finally {
      list.child.kill('SIGKILL');
    }
  });
});

describe('a command that waits for a FIFO', () => {
  /** Resolves once it reads: a FIFO can be opened for writing without waiting while somebody opens it to read. */
  async function isWaitedFor(fifo: string, command: RunningCommand): Promise<void> {
    const path = `/proc/${command.child.pid ?? 0}/task`;
    await vi.waitFor(
      async () => {
        const tasks = await readdir(path);
        const calls = tasks.map((task) => readFile(join(path, task, 'wchan'), 'utf8'));
        expect(await Promise.all(calls), fifo).toContain('wait_for_partner');
      },
      { timeout: 20_000, interval: 20 },
    );
  }

  test.for(SIGNALS)('is ended by %s', async ([signal, exitCode], { root }) => {
    const fifo = join(root, '..', 'user-data');
    await run('mkfifo', [fifo]);
    const launch = startMultipass(['launch', '--cloud-init', fifo], { store: root });
    try {
      await isWaitedFor(fifo, launch);
      launch.child.kill(signal);
      expect(await launch.finished).toEqual({
        stdout: '',
        stderr: `launch failed: interrupted by ${signal}\n`,
        exitCode,
      });
    } finally {
      launch.child.kill('SIGKILL');
    }
  });
});

describe('an interrupted migration', () => {
  test('keeps what came over, and is done by another', async ({ root, store, legacy }) => {
    const args = ['migrate', '--from', legacy.paths.root];
    const migration = startMultipass(args, { store: root, programs: 'slow' });
    await vi.waitFor(async () => expect(await readdir(store.layout.instances)).not.toEqual([]), {
      timeout: 20_000,
    });
    await copyingHasBegun(store.layout);
    migration.signalGroup('SIGINT');
    expect(await migration.finished).toEqual({
      stdout: '',
      stderr: 'migrate failed: interrupted by SIGINT\n',
      exitCode: 130,
    });
    const kept = await expectSoundStore(store.layout);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(legacy.instances.length);
    expect(await multipass(args, { store: root })).toMatchObject({ exitCode: 0 });
    expect(await expectSoundStore(store.layout)).toEqual(['asleep', 'db', 'gone', 'old', 'web']);
  });
});
