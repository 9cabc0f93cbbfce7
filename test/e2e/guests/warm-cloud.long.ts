import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { guestImage } from '../../support/guests.js';
import { PREPARE_PROOF, provenUpTo, WRITE_PROOF } from '../../support/proof.js';
import { expectNothingLeft, test, type GuestStore } from './support.js';

vi.setConfig({ testTimeout: 2_400_000 });

/** Debian with systemd and cloud-init, without KVM, on a machine that has other things to do. */
const PATIENTLY = ['--timeout', '900'];

/** What a machine is known by; each line of the answer is nobody else's. */
const WHO = [
  'hostname',
  'cat /etc/machine-id',
  'cat /var/lib/cloud/data/instance-id',
  'cat /sys/class/net/e*/address',
  'cut -d " " -f 2 /etc/ssh/ssh_host_ed25519_key.pub',
].join('; ');

/** What is in the memory of its source. */
const MEMORY = 'cat /dev/shm/told /proc/sys/kernel/random/boot_id';

describe('a cloud guest that is cloned with its memory', () => {
  test('goes on in each clone as a machine of its own, by script and by cloud-init', async ({
    guests,
  }) => {
    const { layout, multipass, ok, sh } = guests;
    await ok(['launch', await guestImage('cloud'), '--name', 'web', '-m', '1G', ...PATIENTLY]);
    await sh('web', 'cloud-init status --wait >/dev/null; echo in memory >/dev/shm/told');
    await sh('web', PREPARE_PROOF);
    await sh('web', `rm -f enough last; (${WRITE_PROOF}) >/dev/null 2>&1 </dev/null &`);
    const ways = { script: [], whole: ['--full'] };
    for (const [name, options] of Object.entries(ways)) {
      const made = await multipass(['clone', 'web', '--warm', ...options, '--name', name]);
      expect(made).toMatchObject({
        exitCode: 0,
        stdout: `Cloned from running web to ${name}, with its memory.\n`,
      });
    }
    const selves = [await selfOf(guests, 'web')];
    for (const name of Object.keys(ways)) {
      await ok(['start', name, ...PATIENTLY]);
      selves.push(await selfOf(guests, name));
      expect(await sh(name, MEMORY)).toBe(await sh('web', MEMORY));
      const log = await sh(name, 'sudo -n dmesg; systemctl is-system-running');
      expect(log).toContain('crng reseeded due to virtual machine fork');
      expect(log).toMatch(/\nrunning$/);
      expect(await sh(name, 'cloud-init status')).toBe('status: done');
      if (name === 'script') await ok(['stop', name]);
    }
    // Its own first boot, and what its source has done once.
    const { uuid } = readInstance(layout, 'whole').spec;
    expect(await sh('whole', `ls /var/lib/cloud/instances/${uuid}/sem`)).toContain('config_ssh\n');
    for (const key of Object.keys(selves[0] ?? {})) {
      const values = selves.map((self) => self[Number(key)]);
      expect(new Set(values), key).toHaveProperty('size', values.length);
    }
    await sh('web', 'touch enough; while [ ! -s last ]; do sleep 0.2; done; sync');
    const last = Number(await sh('web', 'cat last'));
    await ok(['stop', 'web', 'whole']);
    for (const name of ['web', 'script', 'whole']) {
      await run('qemu-img', ['check', '-q', layout.instance(name).disk]);
    }
    expect(await provenUpTo(layout.instance('web').disk)).toBe(last);
    for (const name of ['script', 'whole'])
      expect(await provenUpTo(layout.instance(name).disk)).toBeGreaterThan(0);
    // By the firmware, too, once it has booted.
    await ok(['start', 'script', ...PATIENTLY]);
    const id = await sh('script', 'sudo -n cat /sys/class/dmi/id/product_uuid');
    expect(id.toLowerCase()).toBe(readInstance(layout, 'script').spec.uuid);
    expect(await selfOf(guests, 'script')).toEqual(selves[1]);
    await expectNothingLeft(layout, { web: 'Stopped', script: 'Running', whole: 'Stopped' });
  });
});

async function selfOf({ sh }: GuestStore, name: string): Promise<readonly string[]> {
  const self = (await sh(name, WHO)).split('\n');
  expect(self[0]).toBe(name);
  expect(self).toHaveLength(WHO.split('; ').length);
  return self;
}
