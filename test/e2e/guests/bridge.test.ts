import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { guestImage } from '../../support/guests.js';
import { test, until, type BridgeLab } from './bridge-support.js';
import { kill } from './support.js';

const BOOTS = { timeout: 400_000 };

describe('instances in bridge mode', () => {
  test(
    'reach each other and the host, survive the loss of everything, and leave nothing',
    BOOTS,
    async ({ lab }) => {
      const disk = await guestImage('tiny');
      await lab.launch(disk, 'one');
      const { name: bridge, gateway } = lab.bridge();
      expect(await lab.links()).toEqual({ [bridge]: null, [lab.tap('one')]: bridge });
      await lab.launch(disk, 'two');

      // Each has the lease of its own MAC address, which is where `exec` goes.
      const [one, two] = [lab.leased('one'), lab.leased('two')];
      expect(new Set([one, two, gateway]).size).toBe(3);
      for (const [name, ip] of [
        ['one', one],
        ['two', two],
      ] as const) {
        expect(await lab.listed(name)).toEqual([ip]);
        expect(await lab.informed(name)).toEqual([ip]);
        expect(await lab.addresses(name)).toEqual({ eth0: ip });
        expect(await lab.inGuest(name, 'hostname')).toBe(name);
      }
      await lab.inGuest('one', `ping -c 1 -W 5 ${two} && ping -c 1 -W 5 ${gateway}`);
      await lab.inGuest('two', `ping -c 1 -W 5 ${one} && ping -c 1 -W 5 ${gateway}`);

      await expectForwards(lab, { gateway });

      // The bridge stays while somebody is on it.
      await lab.multipass('stop', 'two');
      expect(await lab.links()).toEqual({ [bridge]: null, [lab.tap('one')]: bridge });

      // The kernel takes the tap away; the rest is taken away by hand.
      process.kill(lab.qemuPid('one'), 'SIGKILL');
      await until(async () => !(lab.tap('one') in (await lab.links())));
      expect(await lab.state('one')).toBe('Stopped');
      for (const pid of await lab.ns.pids()) kill(pid);
      await lab.ns.run('ip', ['address', 'flush', 'dev', bridge, 'scope', 'global']);
      await lab.ns.run('nft', ['delete', 'table', 'ip', `multipass_ts_${bridge}`]);

      await lab.multipass('start', 'two');
      expect(await lab.links()).toEqual({ [bridge]: null, [lab.tap('two')]: bridge });
      expect(await lab.addresses('two')).toEqual({ eth0: two });
      await lab.inGuest('two', `ping -c 1 -W 5 ${gateway}`);
      const { stdout: rules } = await lab.ns.run('nft', ['list', 'ruleset']);
      expect(rules).toContain('masquerade');

      // What is purged will never ask again; what is stopped finds its address again.
      await lab.multipass('delete', '--purge', 'one');
      expect(lab.leases().map(({ ip }) => ip)).toEqual([two]);
      await lab.multipass('suspend', 'two');
      expect(await lab.leftovers()).toBe('');
      await lab.multipass('start', 'two');
      await lab.inGuest('two', `ping -c 1 -W 5 ${gateway}`);
      expect(await lab.links()).toEqual({ [bridge]: null, [lab.tap('two')]: bridge });
      const status = readFileSync(`/proc/${lab.qemuPid('two')}/status`, 'utf8');
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(await lab.ns.pids()).not.toContain(lab.qemuPid('two'));
      await lab.multipass('stop', 'two');
      expect(await lab.leftovers()).toBe('');
      expect(lab.leases().map(({ ip }) => ip)).toEqual([two]);
      await lab.multipass('delete', '--purge', 'two');
      expect(lab.leases()).toEqual([]);
    },
  );

  test(
    'have further cards on other bridges of the host, and are refused what is not there',
    BOOTS,
    async ({ lab }) => {
      const disk = await guestImage('tiny');
      await makeNetwork(lab, 'br-lab');
      expect(await lab.multipass('networks', '--format', 'csv')).toBe(
        'Name,Type,Description\nbr-lab,bridge,"Network bridge"',
      );
      const refusedOf = async (...options: readonly string[]) => {
        const { exitCode, stderr } = await lab.try(['launch', disk, '--name', 'three', ...options]);
        return { exitCode, stderr: stderr.split('\n')[0] };
      };
      expect(await refusedOf('--network', 'br-gone')).toEqual({
        exitCode: 2,
        stderr: 'launch failed: the network "br-gone" does not exist',
      });
      expect(await refusedOf('--bridged')).toMatchObject({ exitCode: 1 });

      const mac = '52:54:00:aa:bb:01';
      await lab.multipass('set', 'local.bridged-network=br-lab');
      await lab.launch(
        disk,
        'three',
        '--bridged',
        '--network',
        `name=br-lab,mode=manual,mac=${mac}`,
      );
      const { name: bridge } = lab.bridge();
      expect(await lab.links()).toEqual({
        'br-lab': null,
        [bridge]: null,
        [lab.tap('three')]: bridge,
        [lab.tap('three', 1)]: 'br-lab',
        [lab.tap('three', 2)]: 'br-lab',
      });
      // The guest's owner sets up the one in manual mode; the other asks in the background.
      const byGuest = async () => await lab.addresses('three');
      await until(async () => 'eth2' in (await byGuest()));
      const addresses = await byGuest();
      expect(addresses).toEqual({
        eth0: lab.leased('three'),
        eth2: expect.stringMatching(/^192\.168\.77\./) as unknown,
      });
      expect(await lab.inGuest('three', 'cat /sys/class/net/eth1/address')).toBe(mac);
      expect(await lab.listed('three')).toEqual([addresses['eth0'], addresses['eth2']]);
      expect(await lab.multipass('networks', '--format', 'csv')).not.toContain(bridge);
      expect(await refusedOf('--network', `name=br-lab,mac=${mac}`)).toMatchObject({ exitCode: 2 });

      // A clone with its memory has as many, each in the place of the other's.
      await lab.multipass('clone', 'three', '--warm', '--name', 'four', '--start');
      expect(await lab.links()).toMatchObject({
        [lab.tap('four')]: bridge,
        [lab.tap('four', 1)]: 'br-lab',
        [lab.tap('four', 2)]: 'br-lab',
      });
      await until(async () => 'eth2' in (await lab.addresses('four')));
      const ofFour = await lab.addresses('four');
      expect(ofFour).toEqual({
        eth0: lab.leased('four'),
        eth2: expect.stringMatching(/^192\.168\.77\./) as unknown,
      });
      expect(ofFour['eth2']).not.toBe(addresses['eth2']);
      expect((await lab.inGuest('four', 'cat /sys/class/net/eth?/address')).split('\n')).toEqual(
        lab.spec('four').interfaces.map(({ mac: own }) => own),
      );
      expect(await byGuest()).toEqual(addresses);
      await lab.multipass('stop', 'four');
      await lab.multipass('delete', '--purge', 'four');

      // A killed one has left its bridge to whoever comes next.
      process.kill(lab.qemuPid('three'), 'SIGKILL');
      await until(async () => !(lab.tap('three') in (await lab.links())));
      expect(await lab.links()).toEqual({ 'br-lab': null, [bridge]: null });
      await lab.multipass('stop', 'three');
      expect(await lab.links()).toEqual({ 'br-lab': null });
      await removeNetwork(lab, 'br-lab');
      expect(await lab.try(['start', 'three'])).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('the network "br-lab" does not exist') as unknown,
      });
      expect(await lab.leftovers()).toBe('');
      expect(await lab.state('three')).toBe('Stopped');
    },
  );
});

/** Ports of the host lead into a guest: of its loopback, and of all its addresses for other guests and by UDP. */
async function expectForwards(lab: BridgeLab, { gateway }: { gateway: string }): Promise<void> {
  await lab.inGuest(
    'one',
    'mkdir -p /tmp/www; echo hello >/tmp/www/index.html; sudo busybox httpd -p 80 -h /tmp/www',
  );
  await lab.multipass('forward', 'one', '18080:80', '0.0.0.0:18081:80', '0.0.0.0:18053:53/udp');
  const page = async (url: string) => {
    const words = ['-s', '-m', '5', '-o', '-', '-w', '%{errormsg}', url];
    return (await lab.ns.run('curl', words, { okExitCodes: [0, 7] })).stdout.trim();
  };
  for (const at of ['127.0.0.1:18080', '127.0.0.1:18081', `${gateway}:18081`]) {
    expect(await page(`http://${at}/`)).toBe('hello');
  }
  expect(await page(`http://${gateway}:18080/`)).toMatch(/^Failed to connect/);
  // The answer to a guest on the same bridge comes back the way that it asked.
  expect(await lab.inGuest('two', `timeout 10 wget -q -O - http://${gateway}:18081/`)).toBe(
    'hello',
  );
  const counted = async () =>
    Number(await lab.inGuest('one', `awk '/^Udp: [0-9]/ { print $3 }' /proc/net/snmp`));
  const before = await counted();
  const send = 'for i in 1 2 3; do echo hello >/dev/udp/127.0.0.1/18053; sleep 0.1; done';
  await lab.ns.run('bash', ['-c', send]);
  expect(await counted()).toBeGreaterThan(before);
  const states = await lab.multipass('forwards', '--format', 'csv');
  expect(states.match(/,active,/g)).toHaveLength(3);
  await lab.multipass('forward', 'one', '--remove', '18080');
  expect(await page('http://127.0.0.1:18080/')).toMatch(/^Failed to connect/);
  const { exitCode, stderr } = await lab.try(['forward', 'two', '18081:80']);
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('0.0.0.0:18081 is forwarded to "one" already') as string,
  });
}

/** A bridge as a host has it, with a DHCP server somewhere on it. */
async function makeNetwork({ ns, layout }: BridgeLab, name: string): Promise<void> {
  const files = dirname(layout.root);
  await ns.run('ip', ['link', 'add', 'name', name, 'type', 'bridge']);
  await ns.run('ip', ['address', 'add', '192.168.77.1/24', 'dev', name]);
  await ns.run('ip', ['link', 'set', 'dev', name, 'up']);
  await ns.run('dnsmasq', [
    ...['--conf-file=/dev/null', '--port=0', `--interface=${name}`, '--except-interface=lo'],
    ...['--bind-interfaces', '--dhcp-range=192.168.77.100,192.168.77.200,infinite'],
    ...[`--pid-file=${join(files, name)}.pid`, `--dhcp-leasefile=${join(files, name)}.leases`],
  ]);
}

async function removeNetwork({ ns, layout }: BridgeLab, name: string): Promise<void> {
  process.kill(Number(readFileSync(join(dirname(layout.root), `${name}.pid`), 'utf8')), 'SIGKILL');
  await ns.run('ip', ['link', 'delete', 'dev', name]);
}
