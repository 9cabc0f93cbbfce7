import { describe, expect } from 'vitest';
import { resetMachine } from '../../src/qemu/reset-machine.js';
import { runStateOf } from '../../src/qemu/run-state.js';
import { machineWithDisk, test } from './live-qemu.js';

describe('resetMachine', () => {
  test('is over when the machine has been reset', async ({ folder, startLive }) => {
    const live = await startLive(await machineWithDisk(folder));
    await using client = await live.connect();
    const events: string[] = [];
    client.onEvent(({ event }) => events.push(event));
    await client.execute('cont');
    await resetMachine(client);
    expect(events).toContain('RESET');
    expect(await runStateOf(client)).toBe('running');
    await client.execute('stop');
    await resetMachine(client);
    expect(await runStateOf(client), 'stands still').toBe('prelaunch');
  });

  test('fails when QEMU ends before', async ({ folder, startLive }) => {
    const live = await startLive(await machineWithDisk(folder));
    await using client = await live.connect();
    live.process.kill('SIGSTOP');
    const resetting = resetMachine(client);
    live.process.kill('SIGKILL');
    await expect(resetting).rejects.toMatchObject({ code: 'QMP_FAILED' });
  });
});
