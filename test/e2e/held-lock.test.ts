import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { run } from '../../src/process/run.js';
import { multipass, startMultipass } from '../support/command.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { killAllIn, qemuOf } from './guests/support.js';

test('QEMU holds the lock of its instance on, when the command that started it is killed', async ({
  store: { layout, root: store },
}) => {
  await makeInstance(layout, 'web', { data: 1, spec: { sshKey: 'key' } });
  await writeFile(join(layout.keys, 'key'), '');
  const holds = (): Promise<number> =>
    run('flock', ['-n', layout.instance('web').lock, 'true'], { okExitCodes: [0, 1] }).then(
      ({ exitCode }) => exitCode,
    );
  expect(await holds()).toBe(0);
  const starting = startMultipass(['start', 'web'], { store });
  try {
    await vi.waitFor(() => qemuOf(layout, 'web'), { timeout: 30_000, interval: 50 });
    const ended = once(starting.child, 'exit');
    starting.child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(await holds()).toBe(1);
    expect(await multipass(['clone', 'web'], { store })).toMatchObject({
      stderr: expect.stringContaining('running') as string,
      exitCode: 2,
    });
  } finally {
    starting.child.kill('SIGKILL');
    await killAllIn(layout);
  }
});
