import { describe, expect } from 'vitest';
import { readYaml } from '../support/read-yaml.js';
import { multipass } from '../support/command.js';
import { test as legacyTest } from './support/legacy-data.js';
import { readCsv } from './support/read-csv.js';

/** What a command prints about the migrated store, which must be all that it says. */
type Print = (words: string) => Promise<string>;

const test = legacyTest.extend<{ print: Print }>({
  print: async ({ migrated }, use) => {
    await use(async (words) => {
      const result = await multipass(words.split(' '), { store: migrated.layout.root });
      expect({ ...result, stdout: '' }).toEqual({ stdout: '', stderr: '', exitCode: 0 });
      return result.stdout;
    });
  },
});

const STATES = {
  asleep: 'Suspended',
  db: 'Stopped',
  gone: 'Deleted',
  old: 'Stopped',
  web: 'Stopped',
} as const;

const RELEASES: Readonly<Record<string, string>> = {
  asleep: 'Ubuntu 22.04 LTS',
  old: 'Ubuntu 20.04 LTS',
  web: 'Ubuntu 24.04 LTS',
};

const WEB_MOUNTS = {
  '/home/ubuntu/site': {
    uid_mappings: ['1000:default'],
    gid_mappings: ['1000:default'],
    source_path: '/home/ada/projects/site',
  },
  '/srv/shared': {
    uid_mappings: ['1000:1000'],
    gid_mappings: ['1000:1000'],
    source_path: '/home/ada/shared',
  },
};

describe('list', () => {
  test('is a table as wide as that of Multipass', async ({ print }) => {
    const [header, ...lines] = (await print('list')).trimEnd().split('\n');
    expect(header).toBe('Name                    State             IPv4             Image');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe(
      'asleep                  Suspended         --               Ubuntu 22.04 LTS',
    );
  });

  test('has the shape of 1.16 in JSON, its keys sorted', async ({ print }) => {
    const text = await print('list --format json');
    const { list } = JSON.parse(text) as { list: Record<string, unknown>[] };
    expect(list).toEqual(
      Object.entries(STATES).map(([name, state]) => ({
        ipv4: [],
        name,
        release: RELEASES[name] ?? 'Not Available',
        state,
      })),
    );
    for (const item of list) {
      expect(Object.keys(item)).toEqual(['ipv4', 'name', 'release', 'state']);
    }
    expect(text).toMatch(/^\{\n {4}"list": \[\n {8}\{\n {12}"ipv4": \[\n {12}\],\n/);
  });

  test('has the shape of 1.16 in CSV', async ({ print }) => {
    const rows = readCsv(await print('list --format csv'));
    expect(rows).toEqual(
      Object.entries(STATES).map(([Name, State]) => ({
        Name,
        State,
        IPv4: '',
        IPv6: '',
        Release: RELEASES[Name] ?? 'Not Available',
        AllIPv4: '',
      })),
    );
  });

  test('has the shape of 1.16 in YAML', async ({ print }) => {
    expect(readYaml(await print('list --format yaml'))).toEqual(
      Object.fromEntries(
        Object.entries(STATES).map(([name, state]) => [
          name,
          [{ state, ipv4: [], release: RELEASES[name] ?? 'Not Available' }],
        ]),
      ),
    );
  });
});

describe('list --snapshots', () => {
  const COMMENT = 'With "quotes",\nand two lines';

  test('is a table with the first line of each comment', async ({ print }) => {
    expect(await print('list --snapshots')).toBe(
      'Instance   Snapshot         Parent   Comment\n' +
        'db         snapshot1        --       --\n' +
        'web        fresh            --       Right after the installation\n' +
        'web        before-upgrade   fresh    With "quotes",…\n',
    );
  });

  test('has the shape of 1.16 in JSON, CSV and YAML', async ({ print }) => {
    expect(JSON.parse(await print('list --snapshots --format json'))).toEqual({
      errors: [],
      info: {
        db: { snapshot1: { comment: '', parent: '' } },
        web: {
          fresh: { comment: 'Right after the installation', parent: '' },
          'before-upgrade': { comment: COMMENT, parent: 'fresh' },
        },
      },
    });
    expect(readCsv(await print('list --snapshots --format csv'))).toEqual([
      { Instance: 'db', Snapshot: 'snapshot1', Parent: '', Comment: '' },
      { Instance: 'web', Snapshot: 'fresh', Parent: '', Comment: 'Right after the installation' },
      { Instance: 'web', Snapshot: 'before-upgrade', Parent: 'fresh', Comment: COMMENT },
    ]);
    expect(readYaml(await print('list --snapshots --format yaml'))).toEqual({
      db: [{ snapshot1: [{ parent: null, comment: null }] }],
      web: [
        { fresh: [{ parent: null, comment: 'Right after the installation' }] },
        { 'before-upgrade': [{ parent: 'fresh', comment: COMMENT }] },
      ],
    });
  });
});

describe('info', () => {
  test('has the shape of 1.16 in JSON', async ({ print }) => {
    const { errors, info } = JSON.parse(await print('info web db --format json')) as {
      errors: unknown;
      info: Record<string, unknown>;
    };
    expect(errors).toEqual([]);
    expect(Object.keys(info)).toEqual(['db', 'web']);
    expect(info['web']).toEqual({
      state: 'Stopped',
      image_hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      image_release: '24.04 LTS',
      release: '',
      cpu_count: '',
      snapshot_count: '2',
      load: [],
      disks: { sda1: {} },
      memory: {},
      ipv4: [],
      mounts: WEB_MOUNTS,
      forwards: [],
    });
  });

  test('has the shape of 1.16 in CSV', async ({ print }) => {
    const text = await print('info web --format csv');
    expect(text.split('\n')[0]).toBe(
      'Name,State,Ipv4,Ipv6,Release,Image hash,Image release,Load,Disk usage,Disk total,' +
        'Memory usage,Memory total,Mounts,AllIPv4,CPU(s),Snapshots',
    );
    expect(readCsv(text)).toEqual([
      expect.objectContaining({
        Name: 'web',
        State: 'Stopped',
        'Image release': '24.04 LTS',
        Snapshots: '2',
        Mounts: '/home/ada/projects/site => /home/ubuntu/site;/home/ada/shared => /srv/shared',
      }),
    ]);
  });

  test('has the shape of 1.16 in YAML', async ({ print }) => {
    expect(readYaml(await print('info web --format yaml'))).toEqual({
      errors: [null],
      web: [
        {
          state: 'Stopped',
          snapshot_count: 2,
          image_hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
          image_release: '24.04 LTS',
          release: null,
          cpu_count: null,
          disks: [{ sda1: { used: null, total: null } }],
          memory: { usage: null, total: null },
          ipv4: [],
          mounts: WEB_MOUNTS,
        },
      ],
    });
  });
});

describe('info INSTANCE.SNAPSHOT', () => {
  const UPGRADE = {
    size: '',
    cpu_count: '2',
    disk_space: '128.0MiB',
    memory_size: '2.0GiB',
    mounts: WEB_MOUNTS,
    created: '2026-04-11T17:00:00.000Z',
    parent: 'fresh',
    children: [],
    comment: 'With "quotes",\nand two lines',
  };

  test('is a block of labels', async ({ print }) => {
    const lines = (await print('info web.before-upgrade')).split('\n');
    expect(lines.slice(0, 2)).toEqual(['Snapshot:       before-upgrade', 'Instance:       web']);
    expect(lines.slice(-4)).toEqual([
      ...['Children:       --', 'Comment:        With "quotes",', '                and two lines'],
      '',
    ]);
  });

  test('has the shape of 1.16 in JSON and YAML', async ({ print }) => {
    expect(JSON.parse(await print('info web.before-upgrade --format json'))).toEqual({
      errors: [],
      info: { web: { snapshots: { 'before-upgrade': UPGRADE } } },
    });
    expect(readYaml(await print('info web.before-upgrade --format yaml'))).toEqual({
      errors: [null],
      web: [{ snapshots: [{ 'before-upgrade': { ...UPGRADE, size: null, cpu_count: 2 } }] }],
    });
  });

  test('comes in CSV by itself, and not mixed with instances', async ({ print, migrated }) => {
    const text = await print('info web.fresh web.before-upgrade --format csv');
    expect(text.split('\n')[0]).toBe(
      'Snapshot,Instance,CPU(s),Disk space,Memory size,Mounts,Created,Parent,Children,Comment',
    );
    expect(readCsv(text)).toMatchObject([
      { Snapshot: 'fresh', Instance: 'web', Children: 'before-upgrade', Parent: '' },
      { Snapshot: 'before-upgrade', Parent: 'fresh', Comment: UPGRADE.comment },
    ]);
    const mixed = ['info', 'web', 'web.fresh', '--format', 'csv'];
    expect(await multipass(mixed, { store: migrated.layout.root })).toEqual({
      stdout: '',
      stderr: 'Mixed snapshot and instance arguments are not supported with CSV format\n',
      exitCode: 1,
    });
  });

  test('of all instances comes with --snapshots', async ({ print }) => {
    const { info } = JSON.parse(await print('info --snapshots --format json')) as {
      info: Record<string, { snapshots: object }>;
    };
    expect(Object.keys(info)).toEqual(['db', 'web']);
    expect(Object.keys(info['web']?.snapshots ?? {})).toEqual(['before-upgrade', 'fresh']);
    expect(await print('info db --snapshots')).toMatch(/^Snapshot: {7}snapshot1\nInstance: /);
  });
});
