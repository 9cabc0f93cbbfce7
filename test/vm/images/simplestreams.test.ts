import { describe, expect, it } from 'vitest';
import { RecordError } from '../../../src/errors.js';
import { JsonPlace } from '../../../src/files/decoder.js';
import { streamArchitecture } from '../../../src/vm/images/architecture.js';
import { selectImage } from '../../../src/vm/images/select-image.js';
import { decodeIndex, decodeManifest } from '../../../src/vm/images/simplestreams.js';

const hash = (digit: string): string => digit.repeat(64);

function place(value: unknown): JsonPlace {
  return JsonPlace.parse('https://host.example/list.json', JSON.stringify(value));
}

function product(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    arch: 'amd64',
    aliases: '24.04, n,noble',
    os: 'ubuntu',
    release: 'noble',
    release_title: '24.04 LTS',
    supported: true,
    versions: {
      '20260401': { items: { 'disk1.img': item('1') } },
      '20260518.1': { items: { 'disk1.img': item('2'), 'uefi1.img': item('3') } },
      '20260518': { items: { 'disk1.img': item('4') } },
    },
    ...changes,
  };
}

function item(digit: string): Record<string, unknown> {
  return { path: `disks/${digit}.img`, sha256: hash(digit), size: 1000, ftype: 'unknown key' };
}

const decode = (products: Record<string, unknown>) =>
  decodeManifest(place({ updated: 'today', products }), 'amd64');

describe('decodeIndex', () => {
  it('finds the first list of images to download', () => {
    const index = {
      a: { datatype: 'image-ids', path: 'streams/v1/ids.json' },
      b: { datatype: 'image-downloads', path: 'streams/v1/b.json' },
      c: { datatype: 'image-downloads', path: 'streams/v1/c.json' },
    };
    expect(decodeIndex(place({ index }))).toBe('streams/v1/b.json');
    expect(decodeIndex(place({ index: { a: index.a } }))).toBeUndefined();
  });

  it.each([null, [], {}, { index: [] }, { index: { b: { datatype: 'image-downloads' } } }])(
    'refuses %j',
    (value) => {
      expect(() => decodeIndex(place(value))).toThrow(RecordError);
    },
  );
});

describe('decodeManifest', () => {
  it('prefers the disk that boots by UEFI, and gives aliases to the latest version alone', () => {
    const images = decode({ noble: product() });
    expect(images.map(({ version, id, aliases }) => [version, id[0], aliases])).toEqual([
      ['20260401', '1', []],
      ['20260518', '4', []],
      ['20260518.1', '3', ['24.04', 'n', 'noble']],
    ]);
    expect(images[2]).toMatchObject({
      path: 'disks/3.img',
      size: 1000,
      os: 'Ubuntu',
      title: '24.04 LTS',
      supported: true,
    });
  });

  it('leaves other architectures out', () => {
    expect(decode({ arm: product({ arch: 'arm64' }) })).toEqual([]);
    expect(['x64', 'x86_64', 'arm64', 'arm', 'ppc64', 's390x'].map(streamArchitecture)).toEqual([
      ...['amd64', 'amd64', 'arm64', 'armhf', 'ppc64el', 's390x'],
    ]);
  });

  it('takes packed disks of Ubuntu Core alone', () => {
    const versions = { '1': { items: { 'img.xz': item('5') } } };
    const core = { os: 'ubuntu-core', image_type: 'stable', supported: false, versions };
    expect(decode({ core: product(core) })).toMatchObject([
      { path: 'disks/5.img', os: 'Ubuntu', supported: true },
    ]);
    expect(decode({ other: product({ versions }) })).toEqual([]);
  });

  it('counts the next release as supported', () => {
    const supported = (changes: Record<string, unknown>) =>
      decode({ x: product(changes) })[0]?.supported;
    expect(supported({ supported: false })).toBe(false);
    expect(supported({ supported: false, aliases: 'x,devel' })).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no architecture', { arch: undefined }],
    ['versions that are a list', { versions: [] }],
    ['aliases that are a list', { aliases: ['noble'] }],
    [
      'a short hash',
      { versions: { '1': { items: { 'disk1.img': { ...item('1'), sha256: 'abc' } } } } },
    ],
    ['no path', { versions: { '1': { items: { 'disk1.img': { ...item('1'), path: 7 } } } } }],
    ['no items', { versions: { '1': {} } }],
    [
      'no size worth the name',
      { versions: { '1': { items: { 'disk1.img': { ...item('1'), size: -1 } } } } },
    ],
  ])('hides a product with %s, and no other', (_, changes) => {
    const images = decode({ bad: product(changes), good: product({ aliases: 'good' }) });
    expect(new Set(images.flatMap(({ aliases }) => aliases))).toEqual(new Set(['good']));
  });

  it('hides a bad version alone', () => {
    const versions = {
      '2': { items: { 'disk1.img': 'nonsense' } },
      '1': { items: { 'disk1.img': item('1') } },
    };
    expect(decode({ x: product({ versions }) })).toMatchObject([
      { version: '1', aliases: ['24.04', 'n', 'noble'] },
    ]);
  });

  it.each([null, 'text', {}, { products: [] }])('refuses %j', (value) => {
    expect(() => decodeManifest(place(value), 'amd64')).toThrow(RecordError);
  });
});

describe('selectImage', () => {
  it('prefers an alias to the beginning of a hash', () => {
    const images = decode({
      a: product({ aliases: '3' }),
      b: product({ aliases: 'other' }),
    });
    expect(selectImage(images, '3')?.aliases).toEqual(['3']);
  });

  it('finds an old version by its hash', () => {
    expect(selectImage(decode({ a: product() }), '1111')?.version).toBe('20260401');
    expect(selectImage(decode({ a: product() }), '1112')).toBeUndefined();
  });

  it('refuses to choose among several', () => {
    const versions = {
      '1': { items: { 'disk1.img': { ...item('1'), sha256: `ab${hash('1').slice(2)}` } } },
      '2': { items: { 'disk1.img': { ...item('2'), sha256: `ab${hash('2').slice(2)}` } } },
    };
    const images = decode({ a: product({ versions }) });
    expect(() => selectImage(images, 'ab')).toThrow('Too many images matching "ab"');
    expect(selectImage(images, 'ab1')?.version).toBe('1');
  });

  it('takes one file that two products offer for one image', () => {
    const versions = { '1': { items: { 'disk1.img': item('1') } } };
    const images = decode({ a: product({ versions }), b: product({ versions }) });
    expect(selectImage(images, 'noble')?.version).toBe('1');
  });
});
