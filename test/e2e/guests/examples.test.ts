import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import { run, type RunResult } from '../../../src/process/run.js';
import { compileExamples } from '../../support/compile-example.js';
import { packedProject } from '../../support/packed-project.js';
import { expectNothingLeft, test, type GuestStore } from './support.js';

vi.setConfig({ testTimeout: 300_000 });

const GOLDEN = { golden: 'Stopped' } as const;
const NODES = ['node-1', 'node-2', 'node-3'];

/** One golden instance for all of them; each example finds it stopped, and leaves it so. */
describe('the examples, against the packed package', () => {
  const { folder } = packedProject();

  beforeAll(async () => {
    const examples = ['cluster', 'snapshot-break-restore', 'vitest-fixture', 'watch-and-print'];
    expect(await compileExamples(folder, examples)).toBe('');
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function runHere(guests: GuestStore, args: readonly string[]): Promise<RunResult> {
    const env = [`MULTIPASS_STORAGE=${guests.layout.root}`, process.execPath];
    return await run('env', [...env, ...args], { cwd: folder, okExitCodes: [0, 1] });
  }

  test('vitest-fixture gives each test a clone of its own', async ({ guests }) => {
    await guests.launch('golden', '--memory', '192M');
    await guests.sh('golden', 'echo 1.0 | sudo tee /etc/app-version');
    const bootId = await guests.bootId('golden');
    const example = await readFile(join(folder, 'vitest-fixture.ts'), 'utf8');
    const tellsBoot = `console.log('boot id ' + (await vm.exec(['cat', '/proc/sys/kernel/random/boot_id'])).stdout);`;
    const marked = example.replace(
      `expect(stdout).toBe('1.0\\n');`,
      (line) => `${line}\n${tellsBoot}`,
    );
    await writeFile(join(folder, 'vm.test.ts'), marked);
    const vitest = join('node_modules', 'vitest', 'vitest.mjs');
    const { stdout, stderr, exitCode } = await runHere(guests, [vitest, 'run', 'vm.test.ts']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/Tests .*2 passed/);
    // They went on from its memory, and it went on itself.
    expect(stdout).toContain(`boot id ${bootId}`);
    expect(await guests.bootId('golden')).toBe(bootId);
    await guests.ok(['stop', 'golden']);
    await expectNothingLeft(guests.layout, GOLDEN);
  });

  test('cluster has three machines that see each other, and watch-and-print tells of it', async ({
    guests,
  }) => {
    await guests.ok(['set', 'local.network=shared']);
    const printed = await watched(guests, async () => {
      const ports = await threeFreePorts();
      const { stdout, stderr, exitCode } = await runHere(guests, ['cluster.js', 'golden', ports]);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      const says = NODES.map((name) => `${name}: active, says "I am ${name}" to this host`);
      const asks = NODES.flatMap((name) => {
        const others = NODES.filter((other) => other !== name);
        return others.map((other) => `${name} asks ${other}: "I am ${other}"`);
      });
      const lines = stdout.trimEnd().split('\n');
      const has = lines.splice(3, 3);
      expect(lines).toEqual([...says, ...asks]);
      expect(has.map((line) => line.replace(/ has [\d.]+$/, '')).toSorted()).toEqual(NODES);
    });
    await guests.ok(['set', 'local.network=user']);
    await expectNothingLeft(guests.layout, GOLDEN);

    expect(printed[0]).toBe('golden: is there, Stopped');
    for (const name of NODES) {
      const told = printed.filter((line) => line.startsWith(`${name}: `));
      expect(told[0]).toBe(`${name}: is there, Stopped`);
      expect(told.some((line) => line.endsWith(', and is Running'))).toBe(true);
      expect(told.at(-1)).toBe(`${name}: is gone`);
    }
    expect(printed.at(-1)).toBe('done');
  });

  test('snapshot-break-restore breaks one, and has it whole again', async ({ guests }) => {
    const args = ['snapshot-break-restore.js', 'golden'];
    const { stdout, stderr, exitCode } = await runHere(guests, args);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.trimEnd().split('\n')).toEqual([
      'after the break: /etc/os-release is gone',
      'the broken state is kept as golden.snapshot1',
      'after the restore: PRETTY_NAME="Tiny test guest"',
      'before-the-break <- --',
      'snapshot1 <- before-the-break',
    ]);
    await expectNothingLeft(guests.layout, GOLDEN);
  });

  /** What watch-and-print says while something is done, without its times. */
  async function watched(guests: GuestStore, work: () => Promise<void>): Promise<string[]> {
    const env = { ...process.env, MULTIPASS_STORAGE: guests.layout.root };
    const watcher = spawn(process.execPath, ['watch-and-print.js'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(watcher, 'close');
    let text = '';
    watcher.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    try {
      await vi.waitFor(() => expect(text).toContain('golden'), { timeout: 10_000 });
      await work();
      await vi.waitFor(() => expect(text.match(/is gone/g)).toHaveLength(3), { timeout: 10_000 });
    } finally {
      watcher.kill('SIGINT');
    }
    expect(await ended).toEqual([0, null]);
    const lines = text.trimEnd().split('\n');
    return lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, ''));
  }
});

/** The first of three ports in a row that nobody listens on. */
async function threeFreePorts(): Promise<string> {
  for (;;) {
    const first = createServer().listen(0, '127.0.0.1');
    await once(first, 'listening');
    const { port } = first.address() as AddressInfo;
    const servers = [
      first,
      ...[1, 2].map((next) => createServer().listen(port + next, '127.0.0.1')),
    ];
    const free = await Promise.allSettled(
      servers.map(async (server) => server.listening || (await once(server, 'listening'))),
    );
    for (const server of servers) if (server.listening) server.close();
    if (free.every(({ status }) => status === 'fulfilled')) return String(port);
  }
}
