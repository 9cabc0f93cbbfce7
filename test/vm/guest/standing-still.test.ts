import { mkdir, open } from 'node:fs/promises';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { machineArguments, type Machine } from '../../../src/qemu/machine.js';
import { runStateOf } from '../../../src/qemu/run-state.js';
import { startQemu } from '../../../src/qemu/start-qemu.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { lookForStandstill } from '../../../src/vm/guest/standing-still.js';
import { openMonitor } from '../../../src/vm/run/monitor.js';
import { multipassInProcess } from '../../support/in-process.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const MACHINE: Machine = {
  arch: 'x86_64',
  type: 'pc',
  accelerator: 'tcg',
  cpus: 1,
  memory: 32 * 1024 ** 2,
  uuid: '11111111-2222-4333-8444-555555555555',
  vmgenid: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  hasSeed: false,
  cards: [],
  shares: [],
  seenAs: null,
};

/**
 * A boot sector that writes itself to the second sector, by the firmware, and then does nothing:
 * `xor ax, ax; mov es, ax; mov ax, 0x0301; mov bx, 0x7c00; mov cx, 2; mov dx, 0x80; int 0x13; jmp $`.
 */
const WRITER = '31c08ec0b80103bb007cb90200ba8000cd13ebfe';

/** What the host answers to each read or write, or `once`, as QEMU's fault injector does it. */
interface Fault {
  readonly event: 'read_aio' | 'write_aio';
  readonly errno: number;
  readonly once?: true;
}

const [EIO, ENOSPC, EDQUOT] = [5, 28, 122];

/** Runs a guest that reads and writes its disk, on a host that fails once. */
async function runOn(dir: InstanceDir, fault: Fault): Promise<void> {
  const sector = Buffer.alloc(512);
  sector.write(WRITER, 'hex');
  sector.writeUInt16LE(0xaa55, 510);
  const raw = await open(dir.file('sector'), 'w');
  await raw.writeFile(sector);
  await raw.truncate(1024 ** 2);
  await raw.close();
  const convert = ['convert', '-f', 'raw', '-O', 'qcow2', dir.file('sector'), dir.disk];
  await run('qemu-img', convert);
  await mkdir(dir.run, { recursive: true });
  const files = { disk: 'disk.qcow2', bases: [], seed: 'seed.iso', run: 'run' };
  const args = machineArguments(MACHINE, files).map((word) =>
    word.startsWith('{"driver":"qcow2"') ? JSON.stringify(failing(word, fault)) : word,
  );
  const options = { program: 'qemu-system-x86_64', folder: dir.path, run: 'run', lock: undefined };
  const { client, pid } = await startQemu({ ...options, args });
  onTestFinished(() => void process.kill(pid, 'SIGKILL'));
  await client.execute('cont');
  client.close();
  await client.closed;
}

function failing(node: string, fault: Fault): unknown {
  const { file, ...head } = JSON.parse(node) as { file: unknown };
  const injected = { driver: 'blkdebug', image: file, 'inject-error': [fault] };
  return { ...head, file: injected };
}

async function untilItStandsStill(dir: InstanceDir): ReturnType<typeof lookForStandstill> {
  return await vi.waitFor(
    async () => {
      const found = await lookForStandstill(dir);
      expect(found).not.toBeNull();
      return found;
    },
    { timeout: 30_000 },
  );
}

describe('a guest for which the host cannot write or read', () => {
  test.for([
    [
      'there is no space left',
      { event: 'write_aio', errno: ENOSPC, once: true },
      'DISK_FULL',
      'no space left',
    ],
    [
      'a quota is used up',
      { event: 'write_aio', errno: EDQUOT, once: true },
      'IO_ERROR',
      'could not write',
    ],
    [
      'its disk has a fault',
      { event: 'write_aio', errno: EIO, once: true },
      'IO_ERROR',
      'could not write',
    ],
    ['it cannot be read', { event: 'read_aio', errno: EIO }, 'IO_ERROR', 'or read'],
  ] as const)(
    'stands still until it is let go on: %s',
    async ([, fault, code, text], { store }) => {
      const dir = await makeInstance(store.layout, 'web', { data: 0 });
      await runOn(dir, fault);
      expect(await untilItStandsStill(dir)).toMatchObject({
        code,
        message: expect.stringMatching(new RegExp(`^"web" stands still: .*${text}`)) as string,
        hint: expect.stringContaining('let it go on with `multipass start web`') as string,
      });
      await using client = await openMonitor(dir);
      await client.execute('cont');
      const then = 'once' in fault ? 'running' : 'io-error';
      await vi.waitFor(async () => expect(await runStateOf(client)).toBe(then));
    },
  );

  test('is told by list, info and stop, with what lets it go on', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { data: 0 });
    await makeInstance(store.layout, 'other');
    await runOn(dir, { event: 'write_aio', errno: ENOSPC, once: true });
    await untilItStandsStill(dir);
    const told =
      '"web" stands still: there is no space left for what it writes\n' +
      '  hint: Free some space and let it go on with `multipass start web`, or power it off with force ' +
      '(`multipass stop --force web`).\n';
    const list = await multipassInProcess(['list'], store.layout);
    expect(list).toMatchObject({ stderr: told, exitCode: 0 });
    expect(list.stdout).toMatch(/^web +Unknown /m);
    const info = await multipassInProcess(['info', 'web'], store.layout);
    expect(info.stderr).toBe(told);
    expect(info.stdout).toMatch(/^State: +Unknown\nFile: +instances\/web\/disk\.qcow2\nProblem: /m);
    expect(info.stdout).toMatch(/^Snapshots: +0$/m);
    const json = await multipassInProcess(['list', '--format', 'json'], store.layout);
    expect(JSON.parse(json.stdout)).toMatchObject({
      list: [{ name: 'other' }, { problem: { path: 'instances/web/disk.qcow2', at: '' } }],
    });
    const stop = await multipassInProcess(['stop', 'web'], store.layout);
    expect(stop.stderr).toContain('"web" stands still: there is no space left');
    expect(stop.exitCode).toBe(2);
  });

  test('is not told of one that runs, was told to stand still, or has no QEMU', async ({
    store,
  }) => {
    const dir = await makeInstance(store.layout, 'web', { data: 0 });
    expect(await lookForStandstill(dir)).toBeNull();
    await runOn(dir, { event: 'write_aio', errno: ENOSPC, once: true });
    await untilItStandsStill(dir);
    await using client = await openMonitor(dir);
    await client.execute('cont');
    await client.execute('stop');
    expect(await runStateOf(client)).toBe('paused');
    client.close();
    await client.closed;
    expect(await lookForStandstill(dir)).toBeNull();
  });
});
