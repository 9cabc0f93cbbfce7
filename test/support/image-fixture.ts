import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect } from 'vitest';
import { MultipassError, type ErrorCode } from '../../src/errors.js';
import { run } from '../../src/process/run.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { obtainImage, type ObtainedImage } from '../../src/vm/images/obtain-image.js';
import type { ObtainOptions } from '../../src/vm/images/obtain-options.js';
import { ImageServer } from './image-server.js';
import { test as storeTest } from './store-fixture.js';
import { Work, type WorkOptions } from '../../src/work.js';

/** What a test obtains an image with, besides its store and its mirror. */
type ObtainChoices = Partial<Omit<ObtainOptions, 'work'>> & WorkOptions;

/** What a test of images has besides its store. */
interface ImageFixture {
  readonly layout: StoreLayout;
  /** A folder beside the store, which goes with the test. */
  readonly outside: string;
  /** A raw disk with a boot sector, and some content that does not repeat. */
  readonly raw: string;
  /** The same as qcow2, of more than 2 MiB. */
  readonly disk: string;
  /** Offers that disk as 24.04, on the remote `release`. */
  readonly server: ImageServer;
  /** Obtains an image in this process, with the server as the mirror. */
  readonly obtain: (query: string, options?: ObtainChoices) => Promise<ObtainedImage>;
}

export const test = storeTest.extend<ImageFixture>({
  layout: ({ store }, use) => use(store.layout),
  outside: ({ root }, use) => use(dirname(root)),
  raw: async ({ outside }, use) => {
    const path = join(outside, 'disk.raw');
    await writeFile(path, bootable(randomBytes(2 * 1024 * 1024 + 4096)));
    await truncate(path, 8 * 1024 * 1024);
    await use(path);
  },
  disk: async ({ outside, raw }, use) => {
    const path = join(outside, 'disk.img');
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path]);
    await use(path);
  },
  server: async ({ disk }, use) => {
    const server = await ImageServer.start({ disk });
    await use(server);
    await server.close();
  },
  obtain: ({ layout, server }, use) =>
    use((query, { signal, onProgress, onWarning, ...options } = {}) => {
      const work = Work.of({ signal, onProgress, onWarning });
      return obtainImage({ layout, query, mirror: server.url, retryMs: 1, work, ...options });
    }),
});

const bundled = test.extend<{ program: string }>({
  program: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      // Below node_modules, so that the packages, which stay outside the bundle, are found.
      const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
      const folder = await mkdtemp(join(modules, '.obtain-worker-'));
      const program = join(folder, 'worker.mjs');
      await build({
        entryPoints: [fileURLToPath(new URL('./obtain-worker.ts', import.meta.url))],
        outfile: program,
        bundle: true,
        format: 'esm',
        platform: 'node',
        target: 'node20',
        packages: 'external',
      });
      await use(program);
      await rm(folder, { recursive: true });
    },
    { scope: 'file' },
  ],
});

/** The same bytes with the mark of a boot sector. */
export function bootable(bytes: Buffer): Buffer {
  bytes.fill(0, 0, 440).writeUInt16BE(0x55aa, 510);
  return bytes;
}

/** A process that obtains an image. */
export interface Obtainer {
  /** Its id, or what it failed with. */
  readonly result: Promise<unknown>;
  /** SIGKILL; resolves once it is gone. */
  readonly kill: () => Promise<void>;
}

/** As {@link test}, with `start` for processes, which end with the test at the latest. */
export const processTest = bundled.extend<{ start: (query: string) => Obtainer }>({
  start: async ({ program, root, server }, use) => {
    const children: ChildProcess[] = [];
    await use((query) => {
      const child = fork(program, [root, query, server.url]);
      children.push(child);
      const exit = once(child, 'exit');
      const message = once(child, 'message').then(([first]: unknown[]) => first);
      return {
        result: Promise.race([message, exit.then(() => 'it ended without a word')]),
        kill: async () => {
          child.kill('SIGKILL');
          await exit;
        },
      };
    });
    for (const child of children) child.kill('SIGKILL');
  },
});

/** The error that an attempt ends with. */
export async function errorOf(attempt: Promise<unknown>, code: ErrorCode): Promise<MultipassError> {
  const error = await attempt.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MultipassError);
  expect((error as MultipassError).code, (error as MultipassError).message).toBe(code);
  return error as MultipassError;
}

/** Makes sure that the guest would see the same on both. */
export async function expectSameContent(path: string, raw: string): Promise<void> {
  await run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', path, raw]);
}

/** Makes sure that nothing is in the making, or was left. */
export async function expectNothingLeft(layout: StoreLayout): Promise<void> {
  for (const folder of [layout.downloads, layout.staging, layout.trash, layout.locks]) {
    expect(await readdir(folder), folder).toEqual([]);
  }
}

/** Waits until something is so; the test's own limit is the only one. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}
