import { run } from '../../src/process/run.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { makeInstance } from './store-fixture.js';
import { pretendToRun, type AtEnd } from './pretend-to-run.js';

async function markAsCorrupt(dir: InstanceDir): Promise<void> {
  const flag = 'write -P 2 79 1';
  await run('qemu-io', ['-f', 'raw', '-c', flag, dir.disk]);
}

/** `running`, `asleep` (suspended) and `gone` (deleted), and `corrupt`, whose disk is. */
export async function makeUnfit(layout: StoreLayout, atEnd?: AtEnd): Promise<void> {
  await pretendToRun(await makeInstance(layout, 'running', { tags: 1 }), atEnd);
  await makeInstance(layout, 'asleep', { tags: 1, otherTags: ['suspend'] });
  await makeInstance(layout, 'gone', { tags: 1, spec: { deleted: true } });
  await markAsCorrupt(await makeInstance(layout, 'corrupt', { tags: 1 }));
}
