import { describe, expect, it } from 'vitest';
import { formatImages } from '../../../src/cli/format/images.js';
import type { ListedImage } from '../../../src/vm/lineage/image-list.js';
import { readYaml } from '../../support/read-yaml.js';

const NOBLE: ListedImage = {
  id: 'f00d'.repeat(16),
  name: '24.04',
  aliases: ['noble', 'lts'],
  remote: 'daily',
  os: 'Ubuntu',
  release: '24.04 LTS',
  version: '20260518',
  created: '2026-05-19T01:02:03.004Z',
  virtualBytes: 3.5 * 1024 ** 3,
  bytes: 600 * 1024 ** 2,
  usedBy: ['db', 'web'],
};

const FILE: ListedImage = {
  ...NOBLE,
  id: 'beef'.repeat(16),
  name: '/tmp/disk.img',
  aliases: [],
  remote: '',
  os: '',
  release: '',
  version: '',
  usedBy: [],
};

describe('formatImages', () => {
  it('prints a table', () => {
    expect(formatImages([FILE, NOBLE], 'table')).toBe(
      `Image           ID             Description        Version    Size     Disk       Used by
/tmp/disk.img   beefbeefbeef   --                 --         3.5GiB   600.0MiB   --
daily:24.04     f00df00df00d   Ubuntu 24.04 LTS   20260518   3.5GiB   600.0MiB   db, web
`,
    );
    expect(formatImages([], 'table')).toBe('No images found.\n');
  });

  it('prints CSV, sizes in bytes', () => {
    expect(formatImages([NOBLE], 'csv')).toBe(
      `Image,Remote,Aliases,ID,OS,Release,Version,Size,Disk,Used by
24.04,daily,noble;lts,${NOBLE.id},Ubuntu,24.04 LTS,20260518,3758096384,629145600,db;web
`,
    );
  });

  it('prints JSON, and YAML that says the same', () => {
    const data: unknown = JSON.parse(formatImages([NOBLE, FILE], 'json'));
    expect(data).toMatchObject({
      images: [
        { name: '24.04', virtual_bytes: 3758096384, bytes: 629145600, used_by: ['db', 'web'] },
        { name: '/tmp/disk.img', used_by: [] },
      ],
    });
    expect(readYaml(formatImages([NOBLE, FILE], 'yaml'))).toEqual(data);
  });
});
