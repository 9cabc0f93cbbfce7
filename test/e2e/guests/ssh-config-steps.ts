import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openStore } from '../../../src/index.js';
import { run } from '../../../src/process/run.js';
import type { GuestStore } from './support.js';

/** The system's own ssh enters the running instance `web`, and reaches a further port of it. */
export async function enterBySsh(guests: GuestStore): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-ssh-'));
  try {
    const config = join(folder, 'config');
    await writeFile(config, await guests.ok(['ssh-config', 'web']));
    const ssh = async (...args: readonly string[]): Promise<string> =>
      (await run('ssh', ['-F', config, ...args])).stdout;
    expect(await ssh('web.multipass', 'hostname')).toBe('web');
    expect((await guests.multipass(['__connect', 'web', '22'])).stdout).toMatch(/^SSH-2\.0-/);
    const vm = await openStore(guests.layout.root).get('web');
    await using server = await vm.spawn(['sh', '-c', 'echo hello | nc -l -p 8099']);
    await vm.waitFor({ port: 8099 });
    expect((await guests.multipass(['__connect', 'web', '8099'])).stdout).toBe('hello\n');
    expect((await server.exited).exitCode).toBe(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
