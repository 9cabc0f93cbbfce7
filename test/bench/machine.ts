import { availableParallelism, loadavg, totalmem } from 'node:os';
import { run } from '../../src/process/run.js';
import { fileSystemOf } from './file-systems.js';

/** What the figures depend on, in one line that names no place and no host. */
export async function describeMachine(folder: string): Promise<string> {
  const { stdout } = await run('qemu-img', ['--version']);
  const qemu = /version (\S+)/.exec(stdout)?.[1] ?? '?';
  return [
    `${availableParallelism()} cores`,
    `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    `${process.platform} on ${await fileSystemOf(folder)}`,
    `Node ${process.versions.node}`,
    `QEMU ${qemu}`,
    `load ${loadavg()[0]?.toFixed(1) ?? '?'} at the start`,
  ].join(', ');
}
