import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { QmpClient } from '../../src/qemu/qmp-client.js';
import { runJob } from '../../src/qemu/qmp-jobs.js';
import { machineWithDisk, SOCKET, test } from './live-qemu.js';

const SAVE = { tag: 'suspend', vmstate: 'head', devices: ['head'] };

async function tagsOf(folder: string): Promise<string[]> {
  const args = ['snapshot', '-U', '-l', join(folder, 'disk.qcow2')];
  return [...(await run('qemu-img', args)).stdout.matchAll(/^\d+\s+(\S+)/gm)].map(
    ([, tag]) => tag!,
  );
}

describe('runJob', () => {
  test('is over when the work is, and leaves no job behind', async ({ folder, startLive }) => {
    const live = await startLive(await machineWithDisk(folder));
    await using client = await live.connect();
    await runJob(client, 'snapshot-save', SAVE);
    expect(await tagsOf(folder)).toEqual(['suspend']);
    await runJob(client, 'snapshot-delete', { tag: 'suspend', devices: ['head'] });
    expect(await tagsOf(folder)).toEqual([]);
    expect(await client.execute('query-jobs')).toEqual([]);
  });

  test('fails with what QEMU says of a job that fails, which is gone too', async ({
    folder,
    startLive,
  }) => {
    const live = await startLive(await machineWithDisk(folder));
    await using client = await live.connect();
    await runJob(client, 'snapshot-save', SAVE);
    await expect(runJob(client, 'snapshot-save', SAVE)).rejects.toMatchObject({
      code: 'QMP_FAILED',
      message: expect.stringMatching(
        /^QEMU failed to do "snapshot-save": .*'suspend' already exists/,
      ) as string,
    });
    expect(await client.execute('query-jobs')).toEqual([]);
    expect(await tagsOf(folder)).toEqual(['suspend']);
  });

  test('fails where there is no disk to save to', async ({ live }) => {
    await using client = await live.connect();
    await expect(runJob(client, 'snapshot-save', SAVE)).rejects.toMatchObject({
      code: 'QMP_FAILED',
      message: expect.stringContaining('head') as string,
    });
    expect(await client.execute('query-jobs')).toEqual([]);
  });

  test('fails when QEMU refuses to begin', async ({ live }) => {
    await using client = await live.connect();
    await expect(runJob(client, 'snapshot-save', { nonsense: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('QEMU refused "snapshot-save"') as string,
    });
  });

  test('ends with a QEMU that ends in the middle', async ({ live }) => {
    await using client = await live.connect();
    const job = runJob(client, 'job-that-is-no-job', {}).catch((error: unknown) => error);
    live.process.kill('SIGKILL');
    expect(await job).toMatchObject({ code: 'QMP_FAILED' });
  });

  test('tells that there is no space for it as that', async ({ folder }) => {
    const server = createServer((socket) => {
      socket.write('{"QMP": {}}\n');
      let job = '';
      socket.on('data', (data) => {
        for (const line of data.toString().trim().split('\n')) {
          const { execute, id, arguments: args } = JSON.parse(line) as Command;
          if (execute === 'snapshot-save') job = args!['job-id'];
          const jobs = [
            { id: job, error: 'Error while writing VM state: No space left on device' },
          ];
          socket.write(`${JSON.stringify({ return: execute === 'query-jobs' ? jobs : {}, id })}\n`);
          const event = { event: 'JOB_STATUS_CHANGE', data: { id: job, status: 'concluded' } };
          if (execute === 'snapshot-save') socket.write(`${JSON.stringify(event)}\n`);
        }
      });
    });
    server.listen(join(folder, SOCKET));
    await once(server, 'listening');
    const client = await QmpClient.connect(folder, SOCKET);
    await expect(runJob(client, 'snapshot-save', SAVE)).rejects.toMatchObject({
      code: 'DISK_FULL',
      hint: expect.stringContaining('Free some space') as string,
    });
    await client[Symbol.asyncDispose]();
    server.close();
  });
});

interface Command {
  readonly execute: string;
  readonly id: number;
  readonly arguments?: { readonly 'job-id': string };
}
