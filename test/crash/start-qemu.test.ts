import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/process/run.js';
import { compile } from '../process/program-fixture.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck } from './struck.js';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Starts what stands in for QEMU in a sandbox, as an instance's QEMU is started; it ends at once, and so does this. */
const STARTER = `
import { open } from 'node:fs/promises';
import { run } from '${SRC}/process/run.ts';
import { sandboxWords } from '${SRC}/process/sandbox.ts';
import { startQemu } from '${SRC}/qemu/start-qemu.ts';
const [folder = ''] = process.argv.slice(2);
const lock = await open(folder + '/lock', 'w');
await run('flock', ['-x', '-n', '3'], { fd3: lock.fd });
const world = async () =>
  await sandboxWords({ programs: ['/bin/sh'], writable: [folder], outlives: true, first: true, folder });
const request = { program: folder + '/qemu', args: [], world, folder, run: 'run', lock: lock.fd };
await startQemu(request).catch((error) => {
  if (error.code !== 'QEMU_FAILED') throw error;
});
`;

let place: string;
let starter: string;

beforeAll(async () => {
  place = await realpath(await mkdtemp(join(tmpdir(), 'multipass-ts-start-')));
  starter = await compile(place, STARTER);
});

afterAll(async () => {
  await rm(place, { recursive: true, force: true });
});

describe('a start that is killed at any step, from before its sandbox is made', () => {
  it('leaves no QEMU that no file names, and nobody who holds the lock', async () => {
    let count = 0;
    const figures = await forEachCrashPoint<string>({
      prepare: async () => {
        const folder = join(place, `instance-${(count += 1)}`);
        await mkdir(folder);
        await writeFile(join(folder, 'qemu'), '#!/bin/sh\n: > became\n');
        await chmod(join(folder, 'qemu'), 0o755);
        return folder;
      },
      command: (folder) => ({ argv: [process.execPath, starter, folder], root: folder }),
      // All of its processes have ended by then, those in the sandbox too: else the run would not have.
      check: async (folder, { strike }) => {
        const [became, noted] = ['became', 'run/qemu.pid'].map((file) =>
          existsSync(join(folder, file)),
        );
        if (strike === 'none') expect([became, noted]).toEqual([true, true]);
        if (became === true) expect(noted).toBe(true);
        await run('flock', ['-x', '-n', join(folder, 'lock'), 'true']);
      },
    });
    expectStruck(figures, ['rename run/qemu.pid.new run/qemu.pid', 'open became']);
  }, 900_000);
});
