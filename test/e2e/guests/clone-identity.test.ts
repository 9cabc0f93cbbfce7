import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { guestImage } from '../../support/guests.js';
import { test, watchDhcp, type BridgeLab, type DhcpWatch } from './bridge-support.js';
import { serveImage } from './image-server-process.js';

const USER_DATA = `#cloud-config
users:
  - default
  - name: ada
    shell: /bin/bash
write_files:
  - path: /var/tmp/written
    encoding: rot13
    content: nothing of weight
runcmd:
  - [sh, -c, 'hostname >> /var/tmp/runcmd-was-here']
`;

/** What a machine is known by, and what it consists of: what a clone has of its own, and what it has in common. */
const MUST_BE = {
  'MAC address': 'its own',
  'IP address': 'its own',
  hostname: 'its own',
  'instance-id': 'its own',
  'machine-id': 'its own',
  'ssh host key': 'its own',
  'SMBIOS uuid': 'its own',
  'generation id': 'its own',
  'DHCP client id': 'its own',
  'boot id': 'its own',
  'runcmd was here': 'its own',
  data: 'the same',
  'root file system': 'the same',
  CPUs: 'the same',
  memory: 'the same',
  users: 'the same',
  'logs in as': 'the same',
  'keys let in': 'the same',
} as const;

type Row = keyof typeof MUST_BE;
type Identity = Readonly<Record<Row, string>>;

describe('a clone', () => {
  test('is a machine of its own beside its source', { timeout: 1_500_000 }, async ({ lab }) => {
    await using server = await serveImage(lab.ns, await guestImage('cloud'));
    await lab.multipass('set', `local.image.mirror=${server.url}`);
    const userData = join(dirname(lab.layout.root), 'user-data.yaml');
    writeFileSync(userData, USER_DATA);
    const sizes = ['--disk', '4G', '--memory', '768M', ...PATIENTLY];
    const launch = ['launch', 'lts', '--name', 'web', '--format', 'json', ...sizes];
    // It says that it is done, without any error: what it had to complain of is in its log alone.
    expect(JSON.parse(await lab.multipass(...launch, '--cloud-init', userData))).toEqual({
      launched: 'web',
      cloud_init: {
        complaints: [expect.stringContaining('Unknown encoding type rot13') as string],
      },
      mounts: [],
    });
    await lab.inGuest('web', 'head -c 20M /dev/urandom >data && sync');
    await expectFrozenByItsAgent(lab);
    await lab.multipass('stop', 'web');
    const { clones } = JSON.parse(await lab.multipass('clone', 'web', '--format', 'json')) as {
      clones: { name: string; at_first_boot: string[] }[];
    };
    expect(clones).toMatchObject([
      { name: 'web-clone1', at_first_boot: ['machine_id', 'ssh_host_keys'] },
    ]);

    await using requests = await watchDhcp(lab);
    const names = ['web', 'web-clone1'] as const;
    for (const name of names) {
      await lab.multipass('start', name, ...PATIENTLY);
      await lab.inGuest(name, 'cloud-init status --wait >/dev/null');
    }
    const [source, copy] = [
      await identityOf(lab, 'web', requests),
      await identityOf(lab, 'web-clone1', requests),
    ];

    const table = tableOf(source, copy);
    if (process.env['MULTIPASS_TEST_TABLE'] !== undefined) process.stdout.write(table);
    for (const [row, expected] of Object.entries(MUST_BE)) {
      const found = source[row as Row] === copy[row as Row] ? 'the same' : 'its own';
      expect(found, `${row}\n${table}`).toBe(expected);
    }
    for (const [name, identity] of [
      ['web', source],
      ['web-clone1', copy],
    ] as const) {
      expect(identity, table).toMatchObject(recordedOf(lab, name));
    }
    expect(source['runcmd was here'], table).toBe('web');
    expect(copy['runcmd was here'], table).toBe('web web-clone1');
    expect(Number(source['root file system']), table).toBeGreaterThan(3.5 * 1024 ** 3);
    await expectToReachEachOther(lab, source, copy);

    // The network too is there again for a guest that wakes up.
    await lab.multipass('suspend', 'web');
    expect(Object.keys(await lab.links())).not.toContain(lab.tap('web'));
    await lab.multipass('start', 'web', ...PATIENTLY);
    expect(await lab.inGuest('web', 'cat /proc/sys/kernel/random/boot_id')).toBe(source['boot id']);
    expect(await lab.listed('web')).toEqual([source['IP address']]);
    await expectToReachEachOther(lab, source, copy);

    await lab.multipass('stop', ...names);
    await server[Symbol.asyncDispose]();
    await requests[Symbol.asyncDispose]();
    expect(await lab.leftovers()).toBe('');
  });
});

/**
 * What is cloned while it runs has whole file systems where its agent holds them meanwhile; where nobody does, they are
 * as after a power cut: their journal is still to be replayed.
 */
async function expectFrozenByItsAgent(lab: BridgeLab): Promise<void> {
  for (const [consistency, agent] of [
    ['crash', 'stop'],
    ['frozen', 'start'],
  ] as const) {
    await lab.inGuest('web', `sudo systemctl ${agent} qemu-guest-agent`);
    const words = ['--live', '--linked', '--name', consistency, '--format', 'json'];
    const report = JSON.parse(await lab.multipass('clone', 'web', ...words)) as unknown;
    expect(report).toMatchObject({ consistency });
    const { disk } = lab.layout.instance(consistency);
    expect({ consistency, journal: await hasJournalToReplay(disk) }).toEqual({
      consistency,
      journal: consistency === 'crash',
    });
    // The source goes on, thawed.
    await lab.inGuest('web', 'date >thawed && sync');
    await lab.multipass('delete', '--purge', consistency);
  }
}

/** The guest's only file system, ext4, begins here. */
const PARTITION = 1024 ** 2;

/** `RECOVER` of the incompatible features in its superblock (the kernel's documentation of ext4, "Super Block"). */
async function hasJournalToReplay(disk: string): Promise<boolean> {
  const head = `${disk}.head`;
  const words = ['-f', 'qcow2', '-O', 'raw', 'bs=1M', 'count=2', `if=${disk}`, `of=${head}`];
  await run('qemu-img', ['dd', ...words]);
  const superblock = readFileSync(head).subarray(PARTITION + 1024);
  rmSync(head);
  expect(superblock.readUInt16LE(0x38)).toBe(0xef53);
  return (superblock.readUInt32LE(0x60) & 0x4) !== 0;
}

/** Two Debians at once, without KVM, on a machine that has other things to do. */
const PATIENTLY = ['--timeout', '900'];

/** Each line of the answer is a row. */
const QUESTIONS: Partial<Record<Row, string>> = {
  'MAC address': 'cat /sys/class/net/eth0/address',
  'IP address': "ip -4 -o addr show scope global | awk '{ print $4 }' | cut -d / -f 1",
  hostname: 'hostname',
  'instance-id': 'cat /var/lib/cloud/data/instance-id',
  'machine-id': 'cat /etc/machine-id /var/lib/dbus/machine-id | uniq',
  'ssh host key': 'cut -d " " -f 1,2 /etc/ssh/ssh_host_*_key.pub',
  'SMBIOS uuid': 'sudo cat /sys/class/dmi/id/product_uuid',
  'boot id': 'cat /proc/sys/kernel/random/boot_id',
  'runcmd was here': 'cat /var/tmp/runcmd-was-here',
  data: 'sha256sum data',
  'root file system': 'df -B 1 --output=size / | tail -n 1',
  CPUs: 'nproc',
  // The kernel keeps some of it, never quite the same.
  memory: "awk '/^MemTotal/ { print int($2 / 16384) }' /proc/meminfo",
  users: 'getent passwd ubuntu ada | cut -d : -f 1,3,6,7',
  'logs in as': 'id -un',
  'keys let in': 'sort .ssh/authorized_keys',
};

/** What a running instance is, as it sees itself and as it is seen. */
async function identityOf(lab: BridgeLab, name: string, requests: DhcpWatch): Promise<Identity> {
  const script = Object.values(QUESTIONS).map((question) => `echo $(${question})`);
  const answers = (await lab.inGuest(name, script.join('\n'))).split('\n');
  const told = Object.keys(QUESTIONS).map((row, at) => [row, answers[at] ?? ''] as const);
  return {
    'generation id': lab.spec(name).vmgenid,
    'DHCP client id': requests.clientIds(lab.mac(name)).join(' '),
    ...Object.fromEntries(told),
  } as Identity;
}

/** What of it the store's records tell as well. */
function recordedOf(lab: BridgeLab, name: string): Partial<Identity> {
  const { uuid } = lab.spec(name);
  const knownHosts = readFileSync(lab.layout.instance(name).knownHosts, 'utf8');
  return {
    'MAC address': lab.mac(name),
    'IP address': lab.leased(name),
    hostname: name,
    'instance-id': uuid,
    'machine-id': expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    'ssh host key': knownHosts.trim().split(' ').slice(1).join(' '),
    'SMBIOS uuid': uuid,
    'DHCP client id': `01:${lab.mac(name)}`,
    users: expect.stringMatching(
      /^ubuntu:\d+:\/home\/ubuntu:\/bin\/bash ada:\d+:\/home\/ada:\/bin\/bash$/,
    ) as string,
    'logs in as': 'ubuntu',
  };
}

async function expectToReachEachOther(
  lab: BridgeLab,
  source: Identity,
  copy: Identity,
): Promise<void> {
  for (const [name, other] of [
    ['web', copy],
    ['web-clone1', source],
  ] as const) {
    const ip = other['IP address'];
    await lab.inGuest(name, `ping -c 1 -W 10 ${ip}`);
    // Not only the address: the machine behind it is the right one.
    const key = await lab.inGuest(name, `ssh-keyscan -t ed25519 ${ip} 2>/dev/null`);
    expect(key).toBe(`${ip} ${other['ssh host key']}`);
  }
}

function tableOf(source: Identity, copy: Identity): string {
  const rows = Object.entries(MUST_BE).map(([row, expected]) => {
    const values = [source[row as Row], copy[row as Row]].map(shortened);
    return [row, expected, ...values].map((text) => text.padEnd(38)).join(' ');
  });
  return `${rows.join('\n')}\n`;
}

function shortened(text: string): string {
  if (text.length <= 60) return text;
  return `sha256 ${createHash('sha256').update(text).digest('hex').slice(0, 16)}…`;
}
