import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { guestImage } from '../../support/guests.js';
import { test } from './bridge-support.js';

/** It works until it is told that it may end. */
const USER_DATA = `#cloud-config
runcmd:
  - [sh, -c, 'until [ -e /run/enough ]; do sleep 1; done; touch /var/tmp/was-done']
`;

/** Long enough for a guest to let us in, without KVM and on a busy machine; it passes twice. */
const SECONDS = 240;

describe('launch', () => {
  test(
    'leaves a guest running that is not done with its set-up in time',
    {
      timeout: 1_200_000,
    },
    async ({ lab }) => {
      const userData = join(dirname(lab.layout.root), 'user-data.yaml');
      writeFileSync(userData, USER_DATA);
      const launch = ['launch', await guestImage('cloud'), '--name', 'slow', '--memory', '768M'];
      const options = ['--cloud-init', userData, '--timeout', String(SECONDS)];
      const { exitCode, stdout, stderr } = await lab.try([...launch, ...options]);
      expect(stderr).toContain('timed out waiting for initialization to complete');
      expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: '' });

      // Nothing of its work is lost.
      expect(await lab.state('slow')).toBe('Running');
      await lab.inGuest('slow', 'sudo touch /run/enough; cloud-init status --wait >/dev/null');
      expect(await lab.inGuest('slow', 'ls /var/tmp/was-done')).toBe('/var/tmp/was-done');
      await lab.multipass('delete', '--purge', 'slow');
      expect(await lab.leftovers()).toBe('');
    },
  );
});
