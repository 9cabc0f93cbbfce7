import { describe, expect, it } from 'vitest';
import { decodeLegacyImage } from '../../../src/store/legacy/image-database.js';

const RECORD = {
  image: {
    aliases: [],
    current_release: '',
    id: 'c0ffee',
    original_release: '24.04 LTS',
    path: '/var/snap/multipass/common/data/multipassd/vault/instances/web/noble.img',
    release_date: '20260518',
  },
  last_accessed: 1779100000000000000,
  query: { persistent: false, query_type: 0, release: '24.04', remote_name: '' },
};

const DECODED = {
  path: RECORD.image.path,
  id: 'c0ffee',
  release: '24.04 LTS',
  os: 'Ubuntu',
  version: '20260518',
  query: { release: '24.04', remote: '', type: 'alias' },
};

function decode(value: unknown) {
  const warnings: string[] = [];
  return { ...decodeLegacyImage(value, warnings), warnings };
}

function withQuery(query: object, image: object = {}) {
  return decode({ image: { ...RECORD.image, ...image }, query: { ...RECORD.query, ...query } });
}

describe('an image record', () => {
  it('is read from 1.16', () => {
    expect(decode(RECORD)).toEqual({ ...DECODED, warnings: [] });
  });

  it('is read from before 1.13, with the kernel’s paths and the time as an exponent', () => {
    const image = { ...RECORD.image, kernel_path: '', initrd_path: '' };
    const old = { ...RECORD, image, last_accessed: 1.5609514737210767e18 };
    expect(decode(old)).toEqual({ ...DECODED, warnings: [] });
  });

  it('is read from HEAD, with the system as recorded', () => {
    const { os, warnings } = withQuery({ remote_name: 'debian' }, { os: 'Debian' });
    expect({ os, warnings }).toEqual({ os: 'Debian', warnings: [] });
  });

  it.each([
    ['a title', {}, {}, 'Ubuntu'],
    ['a remote alone', { remote_name: 'daily' }, { original_release: '' }, 'Ubuntu'],
    ['neither', {}, { original_release: '' }, ''],
    ['a file', { query_type: 1, release: 'file:///x.img' }, {}, ''],
    ['a URL under type 0', { release: 'https://h/x.img' }, { original_release: '' }, ''],
  ])('has the system that %s tells', (_, query, image, os) => {
    expect(withQuery(query, image).os).toBe(os);
    expect(withQuery(query, { ...image, os: '' }).os).toBe(os);
  });

  it.each([
    [0, 'noble', 'alias'],
    [0, 'file:///home/ann/x.img', 'file'],
    [0, 'http://host/x.img', 'http'],
    [0, 'HTTPS://host/x.img', 'http'],
    [0, 'httpd', 'alias'],
    [1, 'x.img', 'file'],
    [2, 'https://host/x.img', 'http'],
    [undefined, 'noble', 'alias'],
  ])('has with query type %j and release %s the type %s', (query_type, release, type) => {
    const { query, warnings } = withQuery({ query_type, release });
    expect({ query, warnings }).toEqual({ query: { release, remote: '', type }, warnings: [] });
  });

  it('is read without any of its parts', () => {
    const nothing = {
      path: null,
      id: '',
      release: '',
      os: '',
      version: '',
      query: { release: '', remote: '', type: 'alias' },
    };
    expect(decode({})).toEqual({ ...nothing, warnings: [] });
    const { warnings, ...rest } = decode({ image: 5, query: [] });
    expect(rest).toEqual(nothing);
    expect(warnings).toEqual([
      'image: expected an object, found 5',
      'query: expected an object, found []',
    ]);
  });

  it('warns of what is of a wrong kind', () => {
    const { warnings } = withQuery({ query_type: 9, release: 24.04 }, { id: 7, path: '' });
    expect(warnings.map((warning) => warning.split(':')[0]).sort()).toEqual([
      'image.id',
      'query.query_type',
      'query.release',
    ]);
  });

  it('is none when it is no object', () => {
    const warnings: string[] = [];
    expect(decodeLegacyImage('x', warnings)).toBeNull();
    expect(warnings).toHaveLength(1);
  });
});
