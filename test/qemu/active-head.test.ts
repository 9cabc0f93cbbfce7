import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { activeHead } from '../../src/qemu/active-head.js';
import type { QmpClient } from '../../src/qemu/qmp-client.js';
import { runJob } from '../../src/qemu/qmp-jobs.js';
import { machineWithDisk, test } from './live-qemu.js';

/** Puts an empty disk on the head, as a live clone does. */
async function layOver(client: QmpClient, folder: string, node: string): Promise<void> {
  const file = `${node}.qcow2`;
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', join(folder, file), '8M']);
  await client.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': node,
    backing: null,
    file: { driver: 'file', filename: file },
  });
  const { node: active } = await activeHead(client);
  await client.execute('blockdev-snapshot', { node: active, overlay: node });
}

describe('activeHead', () => {
  test('is what the guest writes to, whatever that is called by now', async ({
    folder,
    startLive,
  }) => {
    const live = await startLive(await machineWithDisk(folder));
    await using client = await live.connect();
    expect(await activeHead(client)).toEqual({
      node: 'head',
      virtualSize: 8 * 1024 ** 2,
      tags: [],
    });
    for (const over of ['first', 'second']) {
      await layOver(client, folder, over);
      expect(await activeHead(client)).toMatchObject({ node: over, tags: [] });
    }
  });

  test('takes the memory that the first head refuses by then', async ({ folder, startLive }) => {
    const live = await startLive(await machineWithDisk(folder));
    await using client = await live.connect();
    await layOver(client, folder, 'over');
    const save = async (node: string): Promise<void> =>
      await runJob(client, 'snapshot-save', { tag: 'suspend', vmstate: node, devices: [node] });
    await expect(save('head')).rejects.toMatchObject({ code: 'QMP_FAILED' });
    await save((await activeHead(client)).node);
    expect(await activeHead(client)).toMatchObject({ node: 'over', tags: ['suspend'] });
  });

  test('fails where there is none', async ({ live }) => {
    await using client = await live.connect();
    await expect(activeHead(client)).rejects.toMatchObject({
      code: 'QMP_FAILED',
      message: 'QEMU has 0 disks that can be written to',
    });
  });
});
