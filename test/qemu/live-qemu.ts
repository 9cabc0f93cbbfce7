import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from 'vitest';
import { run } from '../../src/process/run.js';
import { QmpClient } from '../../src/qemu/qmp-client.js';

/** A real QEMU without a guest, in a folder of its own. */
export interface LiveQemu {
  readonly folder: string;
  readonly process: ChildProcess;
  /** Connects to it, as often as it lets us. */
  readonly connect: (signal?: AbortSignal) => Promise<QmpClient>;
}

/** The name of its socket. */
export const SOCKET = 'qmp.sock';

const WITHOUT_GUEST = ['-no-user-config', '-nodefaults', '-display', 'none', '-accel', 'tcg', '-S'];
const LISTENING = ['-qmp', `unix:${SOCKET},server=on,wait=off`];

/** Starts a QEMU with these arguments, and waits until it listens; it is killed with the test at the latest. */
type StartLiveQemu = (args: readonly string[]) => Promise<LiveQemu>;

export const test = base.extend<{ folder: string; startLive: StartLiveQemu; live: LiveQemu }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-qmp-'));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
  startLive: async ({ folder }, use) => {
    const started: ChildProcess[] = [];
    await use(async (args) => {
      const words = [...WITHOUT_GUEST, ...LISTENING, ...args];
      const qemu = spawn('qemu-system-x86_64', words, { cwd: folder, stdio: 'ignore' });
      started.push(qemu);
      await once(qemu, 'spawn');
      const connect = async (signal?: AbortSignal): Promise<QmpClient> =>
        await QmpClient.connect(folder, SOCKET, signal);
      await (await untilItListens(connect, qemu))[Symbol.asyncDispose]();
      return { folder, process: qemu, connect };
    });
    for (const qemu of started) await end(qemu);
  },
  live: async ({ startLive }, use) => {
    await use(await startLive(['-machine', 'none']));
  },
});

/** The arguments of a machine with one qcow2 disk of 8 MiB, the node `head`. */
export async function machineWithDisk(folder: string): Promise<string[]> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', join(folder, 'disk.qcow2'), '8M']);
  const node = 'driver=qcow2,node-name=head,file.driver=file,file.filename=disk.qcow2';
  return [
    ...['-machine', 'pc', '-m', '16M', '-blockdev', node],
    ...['-device', 'virtio-blk-pci,drive=head'],
  ];
}

async function untilItListens(
  connect: () => Promise<QmpClient>,
  qemu: ChildProcess,
): Promise<QmpClient> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (qemu.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function end(qemu: ChildProcess): Promise<void> {
  if (qemu.exitCode !== null || qemu.signalCode !== null) return;
  qemu.kill('SIGKILL');
  await once(qemu, 'exit');
}
