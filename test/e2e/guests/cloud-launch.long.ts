import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { guestImage } from '../../support/guests.js';
import { expectNothingLeft, test } from './support.js';

/** A cold boot of the cloud guest takes minutes where there is no KVM: the tests of this file share one instance. */

/** It works until it is told that it may end. */
const USER_DATA = `#cloud-config
runcmd:
  - [sh, -c, 'until [ -e /run/enough ]; do sleep 1; done; touch /var/tmp/was-done']
`;

/** Long enough for a guest to let us in, without KVM and on a busy machine; it passes twice. */
const SECONDS = 300;

describe('launch', () => {
  test(
    'leaves a guest running that is not done with its set-up in time',
    { timeout: 1_200_000 },
    async ({ guests }) => {
      const userData = join(dirname(guests.layout.root), 'user-data.yaml');
      await writeFile(userData, USER_DATA);
      const launch = ['launch', await guestImage('cloud'), '--name', 'slow', '--memory', '768M'];
      const options = ['--cloud-init', userData, '--timeout', String(SECONDS)];
      const { exitCode, stdout, stderr } = await guests.multipass([...launch, ...options]);
      expect(stderr).toContain('timed out waiting for initialization to complete');
      expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: '' });

      // Nothing of its work is lost.
      await expectNothingLeft(guests.layout, { slow: 'Running' });
      await guests.sh('slow', 'sudo touch /run/enough; cloud-init status --wait >/dev/null');
      expect(await guests.sh('slow', 'ls /var/tmp/was-done')).toBe('/var/tmp/was-done');
    },
  );
});

describe('a delayed stop', { timeout: 300_000 }, () => {
  test('can be cancelled to the last moment, for the guest lets us in', async ({ guests }) => {
    const bootId = await guests.bootId('slow');
    await guests.ok(['stop', '--time', '1', 'slow']);
    expect(await guests.ok(['list', '--no-ipv4'])).toMatch(/^slow +Running /m);
    expect(await guests.bootId('slow')).toBe(bootId);
    await guests.ok(['stop', '--cancel', 'slow']);
    await guests.sh('slow', 'sleep 90');
    expect(await guests.bootId('slow')).toBe(bootId);
    // There is nothing to cancel any more, which is as good.
    await guests.ok(['stop', '--cancel', 'slow']);
  });

  test('comes in time, and the last one said is what counts', async ({ guests }) => {
    await guests.ok(['stop', '--time', '60', 'slow']);
    await guests.ok(['stop', '--time', '+1', 'slow']);
    await vi.waitFor(() => expectNothingLeft(guests.layout, { slow: 'Stopped' }), {
      timeout: 170_000,
      interval: 1000,
    });
    await guests.ok(['delete', '--purge', 'slow']);
    await expectNothingLeft(guests.layout);
  });
});
