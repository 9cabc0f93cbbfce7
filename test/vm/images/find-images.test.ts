import { describe, expect } from 'vitest';
import { findImages, type FoundImages } from '../../../src/vm/images/find-images.js';
import { sha256Of } from '../../support/image-server.js';
import { errorOf, test } from '../../support/image-fixture.js';

const names = ({ images }: FoundImages): string[] =>
  images.map(({ remote, aliases, title }) => `${remote}:${aliases[0] ?? title}`);

describe('findImages', () => {
  test('shows each supported release once, and what could not be asked', async ({
    server,
    disk,
  }) => {
    server.add({ disk, remote: 'daily' });
    server.add({ disk, remote: 'daily', aliases: ['26.10', 'devel'], title: '26.10' });
    server.add({ disk, aliases: ['17.10'], title: '17.10', supported: false });
    const mirror = server.url;
    const found = await findImages({ mirror });
    expect(names(found)).toEqual(['release:24.04', 'daily:26.10']);
    expect(found.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining(`"${mirror}buildd/daily/streams/v1/index.json"`),
    ]);
    expect(names(await findImages({ mirror, showUnsupported: true }))).toContain('release:17.10');
    expect(names(await findImages({ mirror, remote: 'daily' }))).toEqual([
      ...['daily:24.04', 'daily:26.10'],
    ]);
  });

  test('finds by alias and by hash, in both remotes that are searched', async ({
    server,
    disk,
  }) => {
    server.add({ disk, remote: 'daily' });
    const mirror = server.url;
    expect(names(await findImages({ mirror, search: 'noble' }))).toEqual([
      ...['release:24.04', 'daily:24.04'],
    ]);
    const search = sha256Of(disk).slice(0, 12);
    expect(names(await findImages({ mirror, search, remote: 'release' }))).toEqual([
      'release:24.04',
    ]);
  });

  test('says that there is none, that there is no such remote, and that nobody answers', async ({
    server,
  }) => {
    const mirror = server.url;
    expect(await findImages({ mirror, search: 'artful' })).toMatchObject({ images: [] });
    await errorOf(findImages({ mirror, remote: 'nightly' }), 'REMOTE_UNKNOWN');
    await errorOf(findImages({ mirror, remote: 'snapcraft' }), 'DOWNLOAD_FAILED');
    expect(await findImages({ mirror, remote: 'daily' })).toEqual({ images: [], problems: [] });
    await server.close();
    await errorOf(findImages({ mirror }), 'DOWNLOAD_FAILED');
  });

  test('ends when it is interrupted', async ({ server }) => {
    await errorOf(
      findImages({ mirror: server.url, work: { signal: AbortSignal.abort() } }),
      'ABORTED',
    );
  });
});
