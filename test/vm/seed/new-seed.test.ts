import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MacAddress } from '../../../src/net/mac-address.js';
import { newSeed, type NewSeedRequest } from '../../../src/vm/seed/new-seed.js';
import { readSeed, retargetSeed } from '../../../src/vm/seed/seed.js';
import { pyYaml } from '../../support/py-yaml.js';
import { partsOf } from './cloud-init-parts.js';

const KEY = 'ssh-rsa AAAAB3NzaC1yc2E= ubuntu@localhost';

const REQUEST: NewSeedRequest = {
  hostname: 'web',
  instanceId: '11111111-2222-4333-8444-555555555555',
  interfaces: [
    { mac: MacAddress.parse('52:54:00:12:34:56'), auto: true },
    { mac: MacAddress.parse('52:54:00:00:00:02'), auto: true },
  ],
  publicKey: KEY,
  userData: null,
  timezone: 'Europe/Berlin',
};

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seed-'));
  path = join(folder, 'cloud-init-config.iso');
});
afterEach(() => rm(folder, { recursive: true }));

/** The files of a new seed, as they stand in the ISO image. */
async function filesOf(request: Partial<NewSeedRequest> = {}): Promise<Map<string, Buffer>> {
  await writeFile(path, newSeed({ ...REQUEST, ...request }));
  return new Map(readSeed(path)?.map(({ name, data }) => [name, data]));
}

describe('a new seed', () => {
  it('has the four files of Multipass, in its order', async () => {
    const files = await filesOf();
    expect([...files.keys()]).toEqual(['meta-data', 'vendor-data', 'user-data', 'network-config']);
    expect(files.get('meta-data')?.toString()).toBe(
      `#cloud-config\ninstance-id: ${REQUEST.instanceId}\nlocal-hostname: web\ncloud-name: multipass\n`,
    );
    expect(files.get('user-data')?.toString()).toBe('#cloud-config\n{}\n');
    expect(await pyYaml(files.get('network-config')!.toString())).toEqual({
      version: 2,
      ethernets: {
        default: {
          match: { macaddress: '52:54:00:12:34:56' },
          dhcp4: true,
          'dhcp-identifier': 'mac',
        },
        extra0: {
          match: { macaddress: '52:54:00:00:00:02' },
          dhcp4: true,
          'dhcp-identifier': 'mac',
          'dhcp4-overrides': { 'route-metric': 200 },
          optional: true,
        },
      },
    });
  });

  it('asks of cloud-init what Multipass asks, and tells nobody about the guest', async () => {
    const [config, hook, ...others] = partsOf((await filesOf()).get('vendor-data')!);
    expect(config?.config).toEqual({
      growpart: { mode: 'auto', devices: ['/'], ignore_growroot_disabled: false },
      users: ['default'],
      manage_etc_hosts: true,
      ssh_authorized_keys: [KEY],
      timezone: 'Europe/Berlin',
      system_info: { default_user: { name: 'ubuntu' } },
    });
    expect(hook?.type).toBe('text/cloud-boothook');
    expect(others).toEqual([]);
  });

  it('installs packages, besides those of the user', async () => {
    const files = await filesOf({
      packages: ['qemu-guest-agent'],
      userData: Buffer.from('packages: [vim]\n'),
    });
    const [config] = partsOf(files.get('vendor-data')!);
    expect(config?.config).toMatchObject({ packages: ['qemu-guest-agent'] });
    expect(files.get('user-data')?.toString()).toBe(
      '#cloud-config\npackages: [ vim, qemu-guest-agent ]\n',
    );
  });

  it('is kept by a clone, but for who it is', async () => {
    const files = await filesOf({ userData: Buffer.from('#!/bin/sh\n') });
    const mac = MacAddress.parse('52:54:00:00:00:09');
    const identity = {
      instanceId: '21111111-2222-4333-8444-555555555555',
      hostname: 'copy',
      interfaces: [{ old: REQUEST.interfaces[0]!.mac, new: mac, index: 0, auto: true }],
      isCopy: true,
    };
    const copy = new Map(
      retargetSeed(readSeed(path), identity, path).files.map(({ name, data }) => [name, data]),
    );
    for (const name of ['vendor-data', 'user-data']) {
      expect(copy.get(name)!.equals(files.get(name)!)).toBe(true);
    }
    expect(copy.get('network-config')!.equals(files.get('network-config')!)).toBe(false);
  });

  it('says where user-data is from that cannot be read', () => {
    const request = {
      ...REQUEST,
      userData: Buffer.from('a: [\n'),
      userDataFrom: '/home/me/init.yaml',
    };
    expect(() => newSeed(request)).toThrow('cannot read "/home/me/init.yaml": ');
  });
});
