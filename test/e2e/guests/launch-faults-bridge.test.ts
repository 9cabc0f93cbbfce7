import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { guestImage } from '../../support/guests.js';
import { startMultipass } from '../../support/command.js';
import { test, until } from './bridge-support.js';

describe('a launch on the bridge that comes to nothing', () => {
  test(
    'leaves no tap, and the bridge and the guest that use it as they are',
    { timeout: 400_000 },
    async ({ lab }) => {
      const image = await guestImage('tiny');
      await lab.launch(image, 'other');
      const links = await lab.links();
      const bootId = await lab.inGuest('other', 'cat /proc/sys/kernel/random/boot_id');
      const expectOnlyOther = async (): Promise<void> => {
        expect(await lab.links()).toEqual(links);
        expect(await lab.inGuest('other', 'cat /proc/sys/kernel/random/boot_id')).toBe(bootId);
        const list = await lab.multipass('list', '--format', 'csv');
        expect(list.split('\n').slice(1)).toEqual([expect.stringMatching(/^other,Running,/)]);
      };

      // It never asks for an address.
      const userData = join(dirname(lab.layout.root), 'user-data');
      await writeFile(userData, '#cloud-config\n#tiny: no-network\nruncmd: []\n');
      const launch = ['launch', image, '--name', 'x', '--memory', '512M'];
      const silent = [...launch, '--cloud-init', userData, '--timeout', '15'];
      const { stderr, exitCode } = await lab.try(silent);
      expect(stderr).toContain('launch failed: timed out waiting for response of "x" after 15 s\n');
      expect(exitCode).toBe(5);
      await expectOnlyOther();

      // It is interrupted when its tap is there.
      const options = { store: lab.layout.root, env: lab.env, through: lab.ns.through };
      const interrupted = startMultipass(launch, options);
      await until(async () => Object.keys(await lab.links()).length > Object.keys(links).length);
      interrupted.signalGroup('SIGINT');
      expect(await interrupted.finished).toEqual({
        stdout: '',
        stderr: 'launch failed: interrupted by SIGINT\n',
        exitCode: 130,
      });
      await expectOnlyOther();

      // QEMU is killed, and nobody is left on the bridge.
      process.kill(lab.qemuPid('other'), 'SIGKILL');
      await until(async () => (await lab.state('other')) === 'Stopped');
      await lab.multipass('delete', '--purge', 'other');
      expect(await lab.leftovers()).toBe('');
    },
  );
});
