import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished } from 'vitest';
import { RUN_SOCKETS, SOCKETS } from '../../../src/qemu/machine.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { restInstances } from '../../../src/vm/autostart/rest-instances.js';
import { pretendToRun } from '../../support/pretend-to-run.js';
import { makeInstance, test } from '../../support/store-fixture.js';

/** What a QEMU is told: a command with its number. */
interface Command {
  readonly execute: string;
  readonly id: number;
}

/** An instance that looks as if it ran, whose QEMU refuses some commands, and whose guest shuts down when told to. */
async function runRefusing(layout: StoreLayout, name: string, refused: RegExp): Promise<void> {
  const dir = await makeInstance(layout, name, { seed: null, data: 0 });
  await pretendToRun(dir);
  const { pid } = JSON.parse(await readFile(dir.qemuPid, 'utf8')) as { pid: number };
  await mkdir(dir.runFile(SOCKETS));
  const server = createServer((socket) => {
    const say = (message: object): void => void socket.write(`${JSON.stringify(message)}\n`);
    say({ QMP: {} });
    socket.on('error', () => undefined);
    socket.on('data', (text) => {
      for (const line of text.toString('utf8').trim().split('\n')) {
        const { execute, id } = JSON.parse(line) as Command;
        if (refused.test(execute)) say({ id, error: { desc: 'no' } });
        else say({ id, return: execute === 'query-status' ? { status: 'running' } : {} });
        if (execute !== 'system_powerdown' || refused.test(execute)) continue;
        say({ event: 'SHUTDOWN', data: {} });
        process.kill(pid);
        socket.end();
      }
    });
  }).listen(dir.runFile(RUN_SOCKETS.qmp));
  onTestFinished(() => void server.close());
  await once(server, 'listening');
}

describe('resting all that runs', () => {
  test('shuts down what cannot be suspended, and tells of what cannot be either', async ({
    store: { layout },
  }) => {
    await makeInstance(layout, 'idle', { seed: null, data: 0 });
    await runRefusing(layout, 'stubborn', /^(?:stop|system_powerdown)$/);
    await runRefusing(layout, 'web', /^stop$/);
    const rested = await restInstances({ layout });
    expect(rested).toMatchObject([
      { name: 'stubborn', how: 'failed', error: { code: 'QMP_FAILED' } },
      { name: 'web', how: 'stopped' },
    ]);
  });
});
