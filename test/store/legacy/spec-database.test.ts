import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeLegacySpec,
  readSpecDatabase,
  type LegacySpec,
} from '../../../src/store/legacy/spec-database.js';

const GIB = 2 ** 30;

/** A whole record as 1.16 writes it. */
const WHOLE = {
  clone_count: 2,
  deleted: false,
  disk_space: '10737418240',
  extra_interfaces: [
    { auto_mode: true, id: 'br-en1', mac_address: '52:54:00:aa:00:01' },
    { auto_mode: false, id: 'en0', mac_address: '52:54:00:aa:00:02' },
  ],
  mac_addr: '52:54:00:aa:00:00',
  mem_size: '2147483648',
  metadata: { arguments: ['-smp', '3', '-m', '2048M'], machine_type: 'pc-i440fx-8.0' },
  mounts: [
    {
      gid_mappings: [{ host_gid: 1000, instance_gid: -1 }],
      mount_type: 1,
      source_path: '/home/ann/src',
      target_path: '/srv/src',
      uid_mappings: [{ host_uid: 1000, instance_uid: 1001 }],
    },
  ],
  num_cores: 3,
  ssh_username: 'ubuntu',
  state: 4,
};

/** What {@link WHOLE} and a record without any key have to become. */
const DECODED: LegacySpec = {
  cpus: 3,
  memory: 2 * GIB,
  disk: 10 * GIB,
  sshUser: 'ubuntu',
  state: 4,
  deleted: false,
  mac: '52:54:00:aa:00:00',
  extraInterfaces: [
    { id: 'br-en1', mac: '52:54:00:aa:00:01', auto: true },
    { id: 'en0', mac: '52:54:00:aa:00:02', auto: false },
  ],
  mounts: [
    {
      source: '/home/ann/src',
      target: '/srv/src',
      type: 'native',
      uidMappings: [{ host: 1000, guest: 1001 }],
      gidMappings: [{ host: 1000, guest: -1 }],
    },
  ],
  ghost: false,
  metadataArguments: ['-smp', '3', '-m', '2048M'],
};
const DEFAULTS: LegacySpec = {
  cpus: null,
  memory: GIB,
  disk: 5 * GIB,
  sshUser: 'ubuntu',
  state: 0,
  deleted: false,
  mac: null,
  extraInterfaces: [],
  mounts: [],
  ghost: false,
  metadataArguments: [],
};

function decode(value: unknown): LegacySpec & { warnings: string[] } {
  const warnings: string[] = [];
  const spec = decodeLegacySpec(value, warnings);
  if (spec === null) throw new Error('no spec');
  return { ...spec, warnings };
}

function without(...keys: (keyof typeof WHOLE)[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(WHOLE).filter(([key]) => !(keys as string[]).includes(key)),
  );
}

function mountsOf(...mounts: unknown[]) {
  const { mounts: decoded, warnings } = decode({ ...WHOLE, mounts });
  return { mounts: decoded, warnings };
}

function mount(changes: object = {}) {
  return { source_path: '/src', target_path: '/dst', ...changes };
}

describe('a spec of any version', () => {
  it('is read whole from 1.15 and later, and from HEAD with a zone', () => {
    expect(decode(WHOLE)).toEqual({ ...DECODED, warnings: [] });
    expect(decode({ ...WHOLE, zone: 'zone2' })).toEqual({ ...DECODED, warnings: [] });
  });

  it.each([
    ['1.14, without clone_count', without('clone_count'), {}],
    [
      '1.10, without mount types',
      { ...WHOLE, mounts: WHOLE.mounts.map((each) => ({ ...each, mount_type: undefined })) },
      { mounts: DECODED.mounts.map((rest) => ({ ...rest, type: 'classic' })) },
    ],
    ['1.5, without extra_interfaces', without('extra_interfaces'), { extraInterfaces: [] }],
    ['before 1.5, with an empty MAC', { ...WHOLE, mac_addr: '' }, { mac: null }],
    [
      '0.6, with a machine type alone',
      { ...WHOLE, metadata: { machine_type: 'pc', use_cdrom: true } },
      { metadataArguments: [] },
    ],
    ['0.5, without metadata', without('metadata'), { metadataArguments: [] }],
    ['2018.4, without deleted', without('deleted'), {}],
    ['2018.3, without a MAC', without('mac_addr'), { mac: null }],
  ])('is read from %s', (_, record, changes) => {
    expect(decode(record)).toEqual({ ...DECODED, ...changes, warnings: [] });
  });

  it('gets the defaults of Multipass for all that is absent or empty, without a warning', () => {
    expect(decode({})).toEqual({ ...DEFAULTS, warnings: [] });
    const empty = { mem_size: '', disk_space: '', ssh_username: '', mac_addr: '', mounts: null };
    expect(decode(empty)).toEqual({ ...DEFAULTS, warnings: [] });
  });

  it.each([
    ['2147483648', 2 * GIB],
    [2147483648, 2 * GIB],
    [2.147483648e9, 2 * GIB],
    ['2G', 2 * GIB],
    ['1.5GiB', 1.5 * GIB],
  ])('takes %j for a size', (size, bytes) => {
    const { memory, disk, warnings } = decode({ mem_size: size, disk_space: size });
    expect({ memory, disk, warnings }).toEqual({ memory: bytes, disk: bytes, warnings: [] });
  });

  it.each([['lots'], [[1]], [-1], [1.5], [true], [1e300]])('calls a size of %j unknown', (size) => {
    const { memory, warnings } = decode({ mem_size: size });
    expect(memory).toBeNull();
    expect(warnings).toEqual([`mem_size: expected a size, found ${JSON.stringify(size)}`]);
  });

  it('gives every field of a wrong type its default and a warning that names it', () => {
    const keys = Object.keys(WHOLE).filter((key) => key !== 'clone_count');
    const wrong = Object.fromEntries(
      keys.map((key) => [key, key === 'metadata' ? [5] : { odd: true }]),
    );
    const { warnings, ...spec } = decode(wrong);
    expect(spec).toEqual({ ...DEFAULTS, memory: null, disk: null });
    for (const key of keys)
      expect(warnings).toContainEqual(expect.stringMatching(new RegExp(`^${key}: expected`)));
  });

  it('never throws, whatever the values', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constant([{ uid_mappings: [null, { host_uid: 1 }] }]),
    );
    const record = fc.record(Object.fromEntries(Object.keys(WHOLE).map((key) => [key, value])), {
      requiredKeys: [],
    });
    fc.assert(
      fc.property(record, (fields) => {
        expect(decode(fields).sshUser).not.toBe('');
      }),
    );
  });

  it.each([null, 5, 'text', []])('is none when the record is %j', (record) => {
    const warnings: string[] = [];
    expect(decodeLegacySpec(record, warnings)).toBeNull();
    expect(warnings).toHaveLength(1);
  });

  it('keeps an extra interface without a MAC or a name', () => {
    const extra_interfaces = [{ id: 'en0', mac_address: '', auto_mode: true }, {}, 'en1'];
    const { extraInterfaces, warnings } = decode({ extra_interfaces });
    expect(extraInterfaces).toEqual([
      { id: 'en0', mac: null, auto: true },
      { id: '', mac: null, auto: false },
    ]);
    expect(warnings).toHaveLength(2);
  });

  it('has no lists that are longer than any of Multipass, and says so', () => {
    const item = { id: 'en0', mac_address: '', auto_mode: true };
    const decoded = decode({
      extra_interfaces: Array.from({ length: 65 }, () => item),
      metadata: { arguments: Array.from({ length: 20_000 }, () => 'mac=1') },
    });
    expect(decoded).toMatchObject({ extraInterfaces: [], metadataArguments: [] });
    expect(decoded.warnings).toEqual([
      expect.stringContaining('expected a list of at most 64 entries, not 65'),
      expect.stringContaining('expected a list of at most 1000 entries, not 20000'),
    ]);
  });

  it('keeps the arguments that are text', () => {
    const { metadataArguments } = decode({ metadata: { arguments: ['-smp', 2, '2'] } });
    expect(metadataArguments).toEqual(['-smp', '2']);
  });
});

describe('a ghost', () => {
  const GHOST = {
    deleted: false,
    disk_space: '0',
    mac_addr: '',
    mem_size: '0',
    metadata: {},
    mounts: [],
    num_cores: 0,
    ssh_username: '',
    state: 0,
  };

  it('is known by its initial values, in any state', () => {
    expect(decode(GHOST).ghost).toBe(true);
    expect(decode({ ...GHOST, state: 2 }).ghost).toBe(true);
  });

  it.each([
    [{ num_cores: 1 }],
    [{ deleted: true }],
    [{ ssh_username: 'ubuntu' }],
    [{ metadata: { machine_type: 'pc' } }],
    [{ mem_size: '1G' }],
    [{ disk_space: '' }],
  ])('is not one with %j', (change) => {
    expect(decode({ ...GHOST, ...change }).ghost).toBe(false);
  });
});

describe('a mount', () => {
  it('makes an old relative target absolute', () => {
    expect(mountsOf(mount({ target_path: 'Home' })).mounts[0]?.target).toBe('/home/ubuntu/Home');
    for (const path of ['~/src', '~//src/', '~/a/../src']) {
      expect(mountsOf(mount({ target_path: path })).mounts[0]?.target).toBe('/home/ubuntu/src');
    }
  });

  it('gives way to a later one with the same target', () => {
    const { mounts } = mountsOf(
      mount({ target_path: 'x' }),
      mount({ target_path: '/home/ubuntu/x/', source_path: '/later' }),
    );
    expect(mounts.map(({ source }) => source)).toEqual(['/later']);
  });

  it('drops a mapping that is there already, and one whose id is mapped otherwise', () => {
    const uid_mappings = [
      { host_uid: 1000, instance_uid: -1 },
      { host_uid: 1000, instance_uid: -1 },
      { host_uid: 1000, instance_uid: 1000 },
      { host_uid: 501, instance_uid: -1 },
      { host_uid: 0, instance_uid: 0 },
      { host_uid: -1, instance_uid: 5 },
      { host_uid: 7 },
    ];
    const { mounts, warnings } = mountsOf(mount({ uid_mappings }));
    expect(mounts[0]?.uidMappings).toEqual([
      { host: 1000, guest: -1 },
      { host: 0, guest: 0 },
    ]);
    const places = warnings.map((warning) => warning.split(':')[0]);
    expect(new Set(places)).toEqual(
      new Set([
        'mounts[0].uid_mappings[2]',
        'mounts[0].uid_mappings[3]',
        'mounts[0].uid_mappings[5].host_uid',
        'mounts[0].uid_mappings[5]',
        'mounts[0].uid_mappings[6]',
      ]),
    );
  });

  it('is left out without a source or a target', () => {
    const { mounts, warnings } = mountsOf(mount({ source_path: '' }), {}, 'mount', mount());
    expect(mounts).toHaveLength(1);
    expect(warnings).toHaveLength(3);
  });

  it('is classic when its type is none that is known', () => {
    const { mounts, warnings } = mountsOf(mount({ mount_type: 7 }));
    expect(mounts[0]?.type).toBe('classic');
    expect(warnings).toEqual(['mounts[0].mount_type: expected mount type 0 or 1, found 7']);
  });
});

describe('readSpecDatabase', () => {
  it('falls back to the cache folder only while the data folder has no database', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'specs-'));
    const [dataDir, cacheDir] = [join(dir, 'data'), join(dir, 'cache')];
    const root = { dataDir, multipassdDir: dataDir, cacheDir, backend: '' };
    await mkdir(dataDir);
    await mkdir(cacheDir);
    expect(readSpecDatabase({ ...root, cacheDir: null })).toMatchObject({
      status: 'missing',
    });
    await writeFile(join(cacheDir, 'multipassd-vm-instances.json'), '{"old":{}}');
    expect([...readSpecDatabase(root).entries.keys()]).toEqual(['old']);
    await writeFile(join(dataDir, 'multipassd-vm-instances.json'), '{"new":{}}');
    expect([...readSpecDatabase(root).entries.keys()]).toEqual(['new']);
    await rm(dir, { recursive: true });
  });
});
