import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { hashTree } from '../../support/hash-tree.js';
import { makeInstance } from '../../support/store-fixture.js';
import {
  forgedChunk,
  putTogether,
  sha256,
  takeApart,
  tarOf,
  withDisk,
  type ForgedArchive,
} from './forged-archive.js';
import { exported, imported } from './support.js';

let folder: string;
let archive: Buffer;
let thin: Buffer;
let store: StoreLayout;
let before: unknown;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'multipass-ts-hostile-'));
  const home = new StoreLayout(join(folder, 'home'));
  await initialiseStore(home);
  await makeInstance(home, 'web', { data: 1 });
  await makeInstance(home, 'thin', { data: 0, thin: true });
  ({ archive } = await exported(home, 'web', { compression: 'gzip' }));
  ({ archive: thin } = await exported(home, 'thin', { compression: 'gzip' }));
  store = new StoreLayout(join(folder, 'store'));
  await initialiseStore(store);
  await makeInstance(store, 'mine', { data: 0 });
  before = await hashTree(store.root);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Tries one, and sees that nothing is left of it. @returns what is said of it */
async function refusal(bytes: Buffer): Promise<string> {
  const outcome = await imported(store, bytes, { name: 'evil' }).then(
    () => 'taken',
    (error: unknown) => {
      const { code, message } = error as { code?: string; message: string };
      return `${code ?? 'no code'}: ${message}`;
    },
  );
  expect(await hashTree(store.root), outcome).toEqual(before);
  expect(await readdir(store.staging)).toEqual([]);
  return outcome;
}

const INVALID = /^(?:ARTIFACT_INVALID|RECORD_INVALID): /;

async function forged(change: (parts: ForgedArchive) => void, of = archive): Promise<string> {
  const parts = await takeApart(of);
  change(parts);
  return await refusal(putTogether(parts));
}

describe('an archive that was cut off', () => {
  it('is refused, wherever that was', async () => {
    const places = Array.from({ length: 20 }, (_, index) =>
      Math.floor((archive.length * index) / 20),
    );
    const ends = [1, 512, 513, 1023, 1024, 1025, 1536, 2048].map((bytes) => archive.length - bytes);
    for (const place of [...places, ...ends]) {
      expect(await refusal(archive.subarray(0, place)), `${place} bytes`).toMatch(INVALID);
    }
  });

  it('is taken when it is whole', async () => {
    const parts = await takeApart(archive);
    const root = new StoreLayout(join(folder, 'whole'));
    await initialiseStore(root);
    await imported(root, putTogether(parts));
    expect(await readdir(root.instances)).toEqual(['web']);
  });
});

describe('entries that no archive of ours has', () => {
  it.for<[what: string, name: string, type: string | undefined, says: RegExp]>([
    ['a name that leads out', '../../evil', undefined, /it has a file "\.\.\/\.\.\/evil"/],
    ['an absolute name', '/etc/passwd', undefined, /it has a file "\/etc\/passwd"/],
    ['a blob by a name that is none', 'blobs/sha256/../x', undefined, /it has a file/],
    ['a link', 'blobs/sha256/a', '2', /is no regular file \(type "2"\)/],
    ['a hard link', 'blobs/sha256/a', '1', /is no regular file/],
    ['a device', 'blobs/sha256/a', '3', /is no regular file/],
    ['a pipe', 'blobs/sha256/a', '6', /is no regular file/],
    ['a folder', 'etc/', '5', /it has a folder "etc\/"/],
    ['a long name of GNU', 'x', 'L', /is no regular file/],
    ['a sparse file of GNU', 'x', 'S', /is no regular file/],
    ['facts of all entries', 'x', 'g', /is no regular file/],
  ])('%s', async ([, name, type, says]) => {
    const entry = {
      name,
      data: Buffer.alloc(0),
      pax: new Map<string, string>(),
      ...(type === undefined ? {} : { type }),
    };
    expect(await forged(({ entries }) => entries.unshift(entry))).toMatch(says);
  });

  it.for<[what: string, pax: [string, string][], says: RegExp]>([
    ['a size that two headers tell differently', [['size', '9999999']], /differ in its size/],
    ['a name that two headers tell differently', [['path', '../../evil']], /differ in its path/],
    ['the target of a link', [['linkpath', '/etc/passwd']], /has a linkpath/],
    ['a sparse map', [['GNU.sparse.major', '1']], /has a GNU\.sparse/],
    ['too many facts', [['x', 'y'.repeat(20_000)]], /too large/],
  ])('%s', async ([, pax, says]) => {
    expect(
      await forged(({ entries }) => {
        for (const [key, value] of pax) entries[0]!.pax.set(key, value);
      }),
    ).toMatch(says);
  });

  it('the same one twice', async () => {
    expect(await forged(({ entries }) => entries.push({ ...entries[0]! }))).toMatch(/two entries/);
  });

  it('a size that no archive has', async () => {
    expect(await forged(({ entries }) => (entries[0]!.size = 8 * 1024 ** 3 - 1))).toMatch(
      /more than/,
    );
  });

  it('something behind its end', async () => {
    const more = Buffer.concat([archive, Buffer.from('more')]);
    expect(await refusal(more)).toMatch(/behind its end/);
  });

  it('nothing of an archive at all', async () => {
    expect(await refusal(Buffer.alloc(0))).toMatch(/it is empty/);
    expect(await refusal(Buffer.alloc(10_240))).toMatch(/it has no index\.json/);
    expect(await refusal(Buffer.from('#!/bin/sh\n'.repeat(100)))).toMatch(/it is no tar archive/);
    expect(await refusal(tarOf([]))).toMatch(/it has no index\.json/);
  });
});

describe('chunks that are not what they are said to be', () => {
  it('are refused', async () => {
    const chunk = forgedChunk(Buffer.alloc(4096, 7), { offset: 0 });
    const cases: [(parts: ForgedArchive) => void, RegExp][] = [
      [({ entries }) => (entries[0]!.data = Buffer.alloc(100, 1)), /blob .* is damaged/],
      [
        ({ entries }) => entries[0]!.pax.set('SCHILY.xattr.user.multipass.file', 'spec.json'),
        /chunk of it is for "spec.json"/,
      ],
      [
        ({ entries }) => entries[0]!.pax.set('SCHILY.xattr.user.multipass.file', '../../x'),
        /chunk of it is for/,
      ],
      [
        ({ entries }) => entries[0]!.pax.set('SCHILY.xattr.user.multipass.offset', '999999999'),
        /beyond the end/,
      ],
      [
        ({ entries }) => entries[0]!.pax.set('SCHILY.xattr.user.multipass.size', '4097'),
        /is no gzip of 4097 bytes/,
      ],
      [
        ({ entries }) => entries[0]!.pax.set('SCHILY.xattr.user.multipass.compression', 'none'),
        /no none of/,
      ],
      [({ entries }) => entries.push(chunk.entry), /two chunks of it are for one place/],
      [({ manifest }) => manifest.layers.pop(), /does not name|is not what its manifest says/],
      [({ manifest }) => manifest.layers.push(chunk.layer), /overlap/],
      [
        ({ manifest }) => (manifest.layers[0]!.annotations['io.multipass-ts.file'] = '/etc/passwd'),
        /other files|does not name/,
      ],
      [
        ({ manifest }) => (manifest.layers[0]!.annotations['io.multipass-ts.offset'] = '-1'),
        /expected a whole number/,
      ],
      [
        ({ manifest }) =>
          (manifest.layers[0]!.annotations['io.multipass-ts.size'] = String(2 ** 30)),
        /expected 1 to/,
      ],
      [
        ({ manifest }) =>
          (manifest.layers[0]!.annotations['io.multipass-ts.content'] = `sha256:${'0'.repeat(64)}`),
        /not what its manifest says/,
      ],
      [({ manifest }) => (manifest.layers[0]!.size = 2 ** 40), /expected at most/],
      [
        ({ manifest }) =>
          (manifest.layers[0]!.mediaType = 'application/vnd.oci.image.layer.v1.tar'),
        /expected a chunk/,
      ],
      [
        ({ manifest }) => (manifest.config.mediaType = 'application/vnd.oci.image.config.v1+json'),
        /not an instance/,
      ],
      [
        ({ manifest }) =>
          (manifest.annotations['io.multipass-ts.sha256.disk.qcow2'] = `sha256:${'0'.repeat(64)}`),
        /is not what its manifest says/,
      ],
      [
        ({ manifest }) =>
          (manifest.layers = Array.from({ length: 10_001 }, () => manifest.layers[0]!)),
        /at most 10000 entries/,
      ],
      [(parts) => (parts.entries = []), /it has not the blob/],
    ];
    for (const [change, says] of cases) expect(await forged(change), String(change)).toMatch(says);
  });

  it('never unpack to more than they say', async () => {
    const bomb = forgedChunk(Buffer.alloc(200 * 1024 ** 2), { size: 4096 });
    const had = process.memoryUsage().rss;
    expect(await forged(({ entries }) => entries.unshift(bomb.entry))).toMatch(
      /no gzip of 4096 bytes/,
    );
    expect(process.memoryUsage().rss - had).toBeLessThan(150 * 1024 ** 2);
  });
});

describe('a config that asks for what it shall not have', () => {
  it('is refused', async () => {
    const cases: [(parts: ForgedArchive) => void, RegExp][] = [
      [
        ({ config }) => (config.files[0]!.name = '../../.ssh/authorized_keys'),
        /expected one of disk\.qcow2/,
      ],
      [
        ({ config }) => config.files.push({ ...config.files[0]!, name: '../x' }),
        /expected the name of a base/,
      ],
      [({ config }) => config.files.push({ ...config.files[0]! }), /expected the name of a base/],
      [({ config }) => (config.files[0]!.backing = '/etc/passwd'), /expected the name of a base/],
      [({ config }) => (config.files[0]!.size = 2 ** 50), /larger than can be/],
      [({ config }) => (config.files[0]!.size = 15 * 1024 ** 4), /not enough space/],
      [({ config }) => (config.files = []), /expected a disk/],
      [({ config }) => (config.name = '../evil'), /expected the name of an instance/],
      [({ config }) => (config.sshUser = '-oProxyCommand=evil'), /expected a user name/],
      [({ config }) => (config.seed[0]!.name = '../../x'), /expected the name of a file of a seed/],
      [({ config }) => (config.seed[0]!.data = '!'), /expected base64/],
      [({ config }) => (config.interfaces = []), /at least one interface/],
      [({ config }) => config.interfaces.push(config.interfaces[0]!), /an address of its own/],
      [
        ({ config }) => (config.interfaces[0]!.network = 'br0,script=/tmp/x'),
        /expected the name of a network/,
      ],
      [({ config }) => (config.architecture = 'arm64'), /is for arm64/],
      [({ config }) => (config.privateKey = '/etc/shadow'), /expected a private ssh key/],
      [({ config }) => (config.authorizedKey = 'ssh-rsa (a+)+$'), /expected a public ssh key/],
      [({ config }) => (config.format = 2), /a newer version/],
      [({ config }) => (config.comment = 'x'.repeat(1024 ** 2)), /more than 1048576 bytes/],
      [({ config }) => config.snapshots.push(snapshotOf('a'), snapshotOf('b')), /another index/],
      [
        ({ config }) => config.snapshots.push(snapshotOf('../x')),
        /expected the name of a snapshot/,
      ],
      [({ config }) => config.snapshots.push(snapshotOf('a')), /no state of its snapshot "a"/],
    ];
    for (const [change, says] of cases) expect(await forged(change), String(change)).toMatch(says);
  });

  it('is refused when the manifest names another', async () => {
    const parts = await takeApart(archive);
    const bytes = putTogether(parts);
    const other = Buffer.from(JSON.stringify({ ...parts.config, memory: 1 }));
    const entries = [
      {
        name: `blobs/sha256/${sha256(other)}`,
        data: other,
        pax: new Map([['SCHILY.xattr.user.multipass.role', 'config']]),
      },
    ];
    const head = tarOf(entries).subarray(0, -1024);
    expect(await refusal(Buffer.concat([head, bytes]))).toMatch(/two configs/);
  });
});

describe('a disk that leads elsewhere', () => {
  async function disk(...args: string[]): Promise<Buffer> {
    const path = join(folder, `disk-${Math.random()}.qcow2`);
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      ...args.slice(0, -1),
      path,
      ...args.slice(-1),
    ]);
    return await readFile(path);
  }

  it('is refused before any program sees it', async () => {
    const to = (bytes: Buffer) => (parts: ForgedArchive) => withDisk(parts, bytes);
    const passwd = await disk('-u', '-b', '/etc/passwd', '-F', 'raw', '1M');
    expect(await forged(to(passwd))).toMatch(/stands on "\/etc\/passwd" in place of null/);
    const data = await disk('-o', `data_file=${join(folder, 'data')},data_file_raw=on`, '1M');
    expect(await forged(to(data))).toMatch(/keeps its data in another file/);
    expect(await forged(to(Buffer.alloc(65_536, 'x')))).toMatch(/is no qcow2 image/);
    const vmdk =
      '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n';
    expect(await forged(to(Buffer.from(vmdk)))).toMatch(/is no qcow2 image/);
    const plain = await disk('1M');
    for (const [at, byte, says] of [
      [79, 0x20, /unknown features/],
      [79, 0x02, /damaged/],
      [35, 0x01, /is encrypted/],
      [23, 0x1f, /clusters of 2\^31/],
      [40, 0x7f, /L1 table/],
      [24, 0x01, /disk of|absurd/],
    ] as const) {
      const changed = Buffer.from(plain);
      changed[at] = byte;
      expect(await forged(to(changed)), `byte ${at}`).toMatch(says);
    }
  });

  it('is refused when what it stands on is not what its config says', async () => {
    expect(await forged(({ config }) => (config.files[0]!.backing = null), thin)).toMatch(
      /expected the file that comes next/,
    );
    expect(
      await forged((parts) => {
        parts.config.files[0]!.backing = null;
        parts.config.files.pop();
      }, thin),
    ).toMatch(/chunk of it is for "base-image\.qcow2"/);
  });

  it('is refused when it is damaged inside', async () => {
    const parts = await takeApart(archive);
    const path = join(folder, 'inside.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, '1M']);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 1 0 1M', path]);
    const bytes = await readFile(path);
    // Two clusters of the guest in one of the file: its reference counts are wrong.
    const l1 = Number(bytes.readBigUInt64BE(40));
    const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00ff_ffff_ffff_fe00n);
    bytes.copy(bytes, l2, l2 + 8, l2 + 16);
    withDisk(parts, bytes);
    expect(await refusal(putTogether(parts))).toMatch(/is damaged/);
  });
});

function snapshotOf(name: string): object {
  return {
    index: 1,
    name,
    comment: '',
    parent: 0,
    created: '2026-01-02T03:04:05.678Z',
    cpus: 1,
    memory: 1024 ** 3,
    disk: 1024 ** 2,
    interfaces: [{ card: 0, network: null, auto: true }],
  };
}
