import { run } from '../../src/process/run.js';
import { asObject, type QmpClient } from '../../src/qemu/qmp-client.js';
import { isHeldByQemu } from '../../src/qemu/qemu-img.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { AT_REST, openInstance } from '../../src/vm/open.js';
import { runningQemu } from '../../src/vm/read-instance.js';
import { bootInstance } from '../../src/vm/run/boot.js';
import { openMonitor } from '../../src/vm/run/monitor.js';
import { readSettings } from '../../src/vm/settings/settings.js';
import { Work } from '../../src/work.js';

/** Starts the real QEMU of an instance whose disk nothing can be booted from; it runs until it is killed. */
export async function bootBlank(layout: StoreLayout, name: string): Promise<void> {
  const work = Work.of();
  await using opened = await openInstance(layout, name, { for: 'start', states: AT_REST, work });
  await bootInstance({ opened, settings: readSettings(layout, {}), work });
}

/** SIGKILL, for the QEMU of an instance, if it has one; resolves when the kernel has closed its disk. */
export async function killQemu(dir: InstanceDir): Promise<void> {
  const pid = runningQemu(dir);
  if (pid === undefined) return;
  process.kill(pid, 'SIGKILL');
  while (runningQemu(dir) !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  // Its threads may have it open for a moment more.
  while (await isHeldByQemu(dir.disk)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Talks to the QEMU of an instance. */
export async function withQmp<T>(
  dir: InstanceDir,
  use: (client: QmpClient) => Promise<T>,
): Promise<T> {
  await using client = await openMonitor(dir);
  return await use(client);
}

/** Writes as the guest would, by its own drive, and has it written out. */
export async function writeAsGuest(
  dir: InstanceDir,
  { pattern, offset, bytes }: Pattern,
): Promise<void> {
  await withQmp(dir, async (client) => {
    const drives = await client.execute('query-block');
    const drive = (Array.isArray(drives) ? drives : [])
      .map(asObject)
      .find(({ inserted }) => asObject(inserted)['ro'] === false);
    for (const words of [`write -P ${pattern} ${offset} ${bytes}`, 'flush']) {
      const said = await client.execute('human-monitor-command', {
        'command-line': `qemu-io -d ${String(drive?.['qdev'])} "${words}"`,
      });
      if (/fail|error/i.test(String(said))) throw new Error(`qemu-io ${words}: ${String(said)}`);
    }
  });
}

/** Bytes of one value. */
export interface Pattern {
  readonly pattern: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Makes sure of what a disk shows, with all that it stands on. @throws ExecError when it shows something else */
export async function expectPattern(
  disk: string,
  { pattern, offset, bytes }: Pattern,
): Promise<void> {
  const { stdout } = await run('qemu-io', [
    ...['-r', '-U', '-f', 'qcow2', '-c', `read -P ${pattern} ${offset} ${bytes}`, disk],
  ]);
  if (stdout.includes('verification failed')) throw new Error(`${disk} at ${offset}: ${stdout}`);
}
