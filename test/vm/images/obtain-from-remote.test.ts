import { chmod, readdir, readFile, stat, truncate } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { readRecord } from '../../../src/files/record.js';
import { decodeImageRecord } from '../../../src/vm/records/image-record.js';
import { sha256Of } from '../../support/image-server.js';
import {
  errorOf,
  expectNothingLeft,
  expectSameContent,
  test,
} from '../../support/image-fixture.js';

test('the format of an image of an image server is not chosen', async ({ obtain }) => {
  const error = await errorOf(obtain('24.04', { as: 'raw' }), 'INVALID_ARGUMENT');
  expect(error.hint).toContain('--image-format');
});

describe('obtainImage of an alias', () => {
  test('downloads, prepares and publishes the image', async ({
    layout,
    obtain,
    server,
    disk,
    raw,
  }) => {
    const image = await obtain('24.04');
    expect(image.id).toBe(sha256Of(disk));
    expect(image.dir.path).toBe(layout.image(image.id).path);
    expect(image.virtualSize).toBe(8 * 1024 * 1024);
    expect(image.record).toEqual({
      id: image.id,
      release: '24.04 LTS',
      os: 'Ubuntu',
      version: '20260518',
      query: { release: '24.04', remote: '', type: 'alias' },
      lineage: null,
      migratedFrom: null,
    });
    const { mode, nlink } = await stat(image.dir.disk);
    expect(mode & 0o777).toBe(0o444);
    expect(nlink).toBe(1);
    await expectSameContent(image.dir.disk, raw);
    expect(await readdir(layout.images)).toEqual([image.id]);
    await expectNothingLeft(layout);
    expect(server.diskRequests).toEqual([
      { method: 'GET', path: '/releases/disks/0.img', range: null },
    ]);
  });

  test('leaves a record that instances understand, and no path of the store in it', async ({
    layout,
    obtain,
  }) => {
    const { dir } = await obtain('noble');
    const record = decodeImageRecord(readRecord(dir.imageRecord));
    expect(record.query).toEqual({ release: 'noble', remote: '', type: 'alias' });
    expect(await readFile(dir.imageRecord, 'utf8')).not.toContain(layout.root);
  });

  test('uses what is there, under whatever name it is asked for', async ({ obtain, server }) => {
    const first = await obtain('');
    expect(first.record.query.release).toBe('default');
    const second = await obtain('release:noble');
    expect(second.id).toBe(first.id);
    expect(second.record.query).toEqual({ release: 'noble', remote: 'release', type: 'alias' });
    expect(server.diskRequests).toHaveLength(1);
  });

  test('knows an image by its id without asking anybody', async ({ obtain, server }) => {
    const { id } = await obtain('24.04');
    const before = server.requests.length;
    expect((await obtain(id.slice(0, 12))).id).toBe(id);
    expect((await obtain(id)).id).toBe(id);
    expect(server.requests).toHaveLength(before);
  });

  test('finds an image by the beginning of its hash', async ({ obtain, server, disk }) => {
    const { id } = await obtain(sha256Of(disk).slice(0, 8));
    expect(id).toBe(sha256Of(disk));
    expect(server.diskRequests).toHaveLength(1);
  });

  test('looks in daily for what release does not have', async ({ obtain, server, disk }) => {
    server.add({ disk, remote: 'daily', aliases: ['26.10', 'devel'], supported: false });
    const { record } = await obtain('devel');
    expect(record.query).toEqual({ release: 'devel', remote: '', type: 'alias' });
  });

  test('says which image cannot be found, and where', async ({ obtain, layout }) => {
    const nowhere = await errorOf(obtain('25.99'), 'IMAGE_NOT_FOUND');
    expect(nowhere.message).toBe('Unable to find an image matching "25.99".');
    const inDaily = await errorOf(obtain('daily:noble'), 'IMAGE_NOT_FOUND');
    expect(inDaily.message).toBe('Unable to find an image matching "noble" in remote "daily".');
    const remote = await errorOf(obtain('nightly:noble'), 'REMOTE_UNKNOWN');
    expect(remote.message).toBe('Remote "nightly" is unknown or unreachable.');
    await errorOf(obtain('24.04', { arch: 's390x' }), 'IMAGE_NOT_FOUND');
    expect(await readdir(layout.images)).toEqual([]);
    await expectNothingLeft(layout);
  });

  test('warns of a release that is no longer supported', async ({ obtain, server, disk }) => {
    server.add({ disk, aliases: ['17.10', 'artful'], supported: false });
    const warnings: string[] = [];
    await obtain('artful', { onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual(['The artful release is no longer supported: it gets no updates.']);
  });

  test('uses what is there when the server cannot be asked, and says so', async ({
    obtain,
    server,
  }) => {
    const { id } = await obtain('24.04');
    await server.close();
    const warnings: string[] = [];
    const image = await obtain('noble', { onWarning: (warning) => warnings.push(warning) });
    expect(image.id).toBe(id);
    expect(warnings).toEqual([expect.stringContaining('version 20260518 of "noble"')]);
    const { hint } = await errorOf(obtain('22.04'), 'DOWNLOAD_FAILED');
    expect(hint).toMatch(
      /^These images are in the store, .*: 24\.04\. A file can be launched, too /,
    );
    await errorOf(obtain('daily:noble'), 'DOWNLOAD_FAILED');
  });

  test('uses what is there for no other reason', async ({ obtain, server }) => {
    await obtain('24.04');
    const warnings: string[] = [];
    const onWarning = (warning: string): void => void warnings.push(warning);
    server.manifest = '<html>';
    await errorOf(obtain('24.04', { onWarning }), 'IMAGE_INVALID');
    server.manifest = '{"products": {}}';
    await errorOf(obtain('24.04', { onWarning }), 'IMAGE_NOT_FOUND');
    expect(warnings).toEqual([]);
  });

  test('replaces an image whose folder is damaged', async ({ obtain, layout, raw }) => {
    const { id, dir } = await obtain('24.04');
    await chmod(dir.disk, 0o600);
    await truncate(dir.disk, 100);
    expect((await obtain('24.04')).id).toBe(id);
    await expectSameContent(dir.disk, raw);
    await expectNothingLeft(layout);
  });

  test('reports what it does', async ({ obtain }) => {
    const phases: string[] = [];
    const fractions: number[] = [];
    await obtain('24.04', {
      onProgress: (progress) => {
        if (phases.at(-1) !== progress.phase) phases.push(progress.phase);
        if (progress.phase === 'retrieving') fractions.push(progress.fraction ?? 0);
      },
    });
    expect(phases).toEqual(['retrieving', 'verifying', 'preparing']);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
  });
});
