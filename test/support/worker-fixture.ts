import { fork, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test as storeTest } from './store-fixture.js';
import type { Job } from './store-worker.js';

/** A real process that does one job on the test's store. */
export interface Worker {
  readonly pid: number;
  /** The next thing it tells. Rejects when it failed. */
  readonly next: () => Promise<unknown>;
  /** Lets it go on. */
  readonly go: () => void;
  /** SIGKILL; resolves once the process is gone and reaped. */
  readonly kill: () => Promise<void>;
}

type StartWorker = (
  job: Job,
  args?: readonly string[],
  env?: Readonly<Record<string, string>>,
) => Worker;

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

const bundled = storeTest.extend<{ program: string }>({
  program: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      // Below node_modules, so that the packages, which stay outside the bundle, are found.
      const folder = await mkdtemp(join(PROJECT, 'node_modules', '.store-worker-'));
      await bundle(join(folder, 'worker.mjs'));
      await use(join(folder, 'worker.mjs'));
      await rm(folder, { recursive: true });
    },
    { scope: 'file' },
  ],
});

/** As the store fixture's `test`, with `start` for processes, which end with the test at the latest. */
export const test = bundled.extend<{ start: StartWorker }>({
  start: async ({ program, root }, use) => {
    const workers: Worker[] = [];
    await use((job, args = [], env = {}) => {
      const child = fork(program, [job, root, ...args], { env: { ...process.env, ...env } });
      const worker = workerOf(child, job);
      workers.push(worker);
      return worker;
    });
    for (const worker of workers) await worker.kill();
  },
});

async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('./store-worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
}

function workerOf(child: ChildProcess, job: Job): Worker {
  const messages = on(child, 'message', { close: ['disconnect'] });
  const exit = once(child, 'exit');
  return {
    pid: child.pid!,
    next: async () => {
      const { value, done } = (await messages.next()) as IteratorResult<[unknown], undefined>;
      if (done === true) throw new Error(`the worker for "${job}" ended without a word`);
      const [message] = value;
      if (isFailure(message)) throw new Error(message.failed);
      return message;
    },
    go: () => child.send('go'),
    kill: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

function isFailure(message: unknown): message is { failed: string } {
  return typeof message === 'object' && message !== null && 'failed' in message;
}
