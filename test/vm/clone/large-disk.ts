import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { run } from '../../../src/process/run.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import type { StoreLayout } from '../../../src/store/layout.js';

/** Gives an instance another disk, with so many MiB of data that copying it takes a while. */
export async function makeLargeDisk(dir: InstanceDir, mebibytes: number): Promise<void> {
  await rm(dir.disk);
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', dir.disk, '1G']);
  const write = `write -P 9 0 ${mebibytes}M`;
  await run('qemu-io', ['-f', 'qcow2', '-c', write, dir.disk]);
}

/** Waits until a clone has begun to copy a file. */
export async function copyBegins(layout: StoreLayout, file: string): Promise<void> {
  for (;;) {
    const [token] = await readdir(layout.staging);
    const copy = join(layout.staging, token ?? '', file);
    const { size } = await stat(copy).catch(() => ({ size: 0 }));
    if (size > 0) return;
    await setImmediate();
  }
}
