/** Records as the program writes them. */
export const SPEC = {
  uuid: '0f5a6f0e-6f0b-4b8e-9a53-6a1d0f0b7a11',
  vmgenid: '2b0c8f63-30c1-4f3a-8b9d-3d0f4d3f1c22',
  cpus: 2,
  memory: 1024 ** 3,
  disk: 5 * 1024 ** 3,
  sshUser: 'ubuntu',
  sshKey: null,
  interfaces: [
    { mac: '52:54:00:12:34:56', network: null, auto: true },
    { mac: '52:54:00:12:34:57', network: 'eth0', auto: false },
  ],
  mounts: [
    {
      ...{ target: '/home/ubuntu/work', source: '/home/ada/work', type: 'classic' },
      ...{ uidMappings: [{ host: 1000, guest: 1000 }], gidMappings: [{ host: 1000, guest: -1 }] },
    },
  ],
  forwards: [{ protocol: 'tcp', address: '127.0.0.1', hostPort: 8080, guestPort: 80 }],
  snapshotHead: 1,
  deleted: false,
  autostart: true,
};

export const IMAGE = {
  id: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
  release: '24.04 LTS',
  os: 'Ubuntu',
  version: '20260518',
  query: { release: '24.04', remote: '', type: 'alias' },
  lineage: null,
  migratedFrom: null,
};

export const SNAPSHOT = {
  index: 1,
  name: 'before',
  comment: 'all is well',
  parent: 0,
  created: '2026-11-30T10:00:00.000Z',
  cpus: 2,
  memory: 1024 ** 3,
  disk: 5 * 1024 ** 3,
  interfaces: SPEC.interfaces,
  mounts: SPEC.mounts,
  instanceId: 'web',
};

export const MACHINE = {
  arch: 'x86_64',
  type: 'pc-q35-7.2',
  accelerator: 'tcg',
  cpus: 2,
  memory: 1024 ** 3,
  uuid: SPEC.uuid,
  vmgenid: SPEC.vmgenid,
  hasSeed: true,
  cards: [
    { mac: '52:54:00:12:34:56', backend: { kind: 'user', subnet: '10.1.2.0/24', sshPort: 2222 } },
    {
      mac: '52:54:00:12:34:57',
      backend: { kind: 'tap', tap: 'mp0a1b2c3d4e-1', bridge: 'mpbr0a1b2c3d', within: 'host' },
    },
  ],
  shares: [],
};

export const ALIASES = {
  format: 1,
  active: 'default',
  contexts: {
    default: { ls: { instance: 'web', uuid: SPEC.uuid, command: 'ls', workingDirectory: 'map' } },
    work: {
      top: { instance: 'db', uuid: SPEC.vmgenid, command: 'top', workingDirectory: 'default' },
    },
  },
};
