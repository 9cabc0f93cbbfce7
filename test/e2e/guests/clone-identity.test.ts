import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../../src/exec.js';
import { guestImage } from '../../support/guests.js';
import { test, watchDhcp, type BridgeLab, type DhcpWatch } from './bridge-support.js';

/** Three boots of a guest with systemd and cloud-init, two of them at once, without KVM. */
const BOOTS = { timeout: 1_500_000 };

const USER_DATA = `#cloud-config
runcmd:
  - [sh, -c, "echo once more >> /var/lib/marker"]
`;

/** What a guest says of itself, each with the command that asks it. */
const QUESTIONS = {
  hostname: 'hostname',
  'machine-id': 'cat /etc/machine-id',
  'instance-id': 'cat /var/lib/cloud/data/instance-id',
  'SMBIOS uuid': 'sudo cat /sys/class/dmi/id/product_uuid',
  'ssh host key': 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d" " -f2',
  MAC: 'cat /sys/class/net/e*/address',
  'data on disk': 'sha256sum /home/ubuntu/data | cut -d" " -f1',
  user: 'id -un; id -u',
  CPUs: 'nproc',
  memory: 'grep MemTotal /proc/meminfo',
  'root file system': 'df -k --output=size / | tail -1',
} as const;

const DIFFERENT = [
  ...['hostname', 'machine-id', 'instance-id', 'SMBIOS uuid', 'ssh host key', 'MAC'],
  ...['IP', 'DHCP client id', 'vmgenid', 'known host key'],
];
const EQUAL = ['data on disk', 'user', 'CPUs', 'memory', 'root file system'];

test(
  'a clone that runs beside its source differs from it in everything that must differ',
  BOOTS,
  async ({ lab }) => {
    await using dhcp = await watchDhcp(lab);
    const userData = join(lab.layout.root, '..', 'user-data');
    await writeFile(userData, USER_DATA);
    const options = ['--memory', '768M', '--disk', '4G', '--timeout', '600'];
    const image = await guestImage('cloud');
    const launch = ['launch', image, '--name', 'web', '--cloud-init', userData];
    await lab.multipass(...launch, ...options);
    await lab.inGuest('web', 'head -c 1000000 /dev/urandom > ~/data; sync');
    await lab.multipass('stop', 'web');
    await lab.multipass('clone', 'web', '--name', 'copy');
    await lab.multipass('start', 'web', '--timeout', '600');
    await lab.multipass('start', 'copy', '--timeout', '600');
    // Cloud-init's last stage may still be under way in the clone.
    await lab.inGuest('copy', 'cloud-init status --wait >/dev/null');

    const [web, copy] = [await tableOf(lab, 'web', dhcp), await tableOf(lab, 'copy', dhcp)];
    const rows = (names: readonly string[]) => names.map((row) => [row, web[row], copy[row]]);
    expect(rows(DIFFERENT).filter(([, one, other]) => one === other)).toEqual([]);
    expect(rows(EQUAL).filter(([, one, other]) => one !== other)).toEqual([]);
    expect(Object.entries({ ...web, ...copy }).filter(([, value]) => value === '')).toEqual([]);

    for (const [name, row] of [
      ['web', web],
      ['copy', copy],
    ] as const) {
      const spec = lab.spec(name);
      expect(row['hostname']).toBe(name);
      expect(row['instance-id']).toBe(spec.uuid);
      expect(row['SMBIOS uuid']).toBe(spec.uuid);
      expect(row['MAC']).toBe(lab.mac(name));
      expect(row['known host key']).toBe(row['ssh host key']);
      // By its MAC, from its first request on: nobody else asks like that.
      expect(row['DHCP client id']).toBe(`01:${lab.mac(name)}`);
      expect(await lab.listed(name)).toEqual([row['IP']]);
    }
    // What the user wants of each instance is done in the clone too.
    expect(await lab.inGuest('web', 'cat /var/lib/marker')).toBe('once more');
    expect(await lab.inGuest('copy', 'cat /var/lib/marker')).toBe('once more\nonce more');
    expect(Number(web['root file system'])).toBeGreaterThan(3_500_000);

    await lab.inGuest('web', `ping -c 1 -W 10 ${copy['IP'] ?? ''}`);
    await lab.inGuest('copy', `ping -c 1 -W 10 ${web['IP'] ?? ''}`);

    const bootId = await lab.inGuest('web', 'cat /proc/sys/kernel/random/boot_id');
    await lab.multipass('suspend', 'web');
    await lab.multipass('start', 'web');
    expect(await lab.inGuest('web', 'cat /proc/sys/kernel/random/boot_id')).toBe(bootId);
    expect(await lab.listed('web')).toEqual([web['IP']]);

    await lab.multipass('delete', '--purge', 'web', 'copy');
    expect(await lab.leftovers()).toBe('');
  },
);

async function tableOf(
  lab: BridgeLab,
  name: string,
  dhcp: DhcpWatch,
): Promise<Record<string, string>> {
  const table: Record<string, string> = {};
  for (const [row, question] of Object.entries(QUESTIONS)) {
    table[row] = await lab.inGuest(name, question);
  }
  const { knownHosts } = lab.layout.instance(name);
  const { stdout } = await run('ssh-keygen', ['-lf', knownHosts]);
  return {
    ...table,
    IP: Object.values(await lab.addresses(name)).join(' '),
    'DHCP client id': dhcp.clientIds(lab.mac(name)).join(' '),
    vmgenid: lab.spec(name).vmgenid,
    'known host key': stdout.split(' ')[1] ?? '',
  };
}
