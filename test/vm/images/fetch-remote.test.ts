import { describe, expect } from 'vitest';
import { belowBase, fetchRemote } from '../../../src/vm/images/fetch-remote.js';
import { streamArchitecture } from '../../../src/vm/images/architecture.js';
import type { ErrorCode } from '../../../src/errors.js';
import { errorOf, test } from '../../support/image-fixture.js';

const arch = streamArchitecture();
const base = new URL('https://host.example/releases/');

describe('fetchRemote', () => {
  test('brings the images of a remote', async ({ server }) => {
    const remote = await fetchRemote({ remote: 'release', mirror: server.url, arch });
    expect(remote.base.href).toBe(`${server.url}releases/`);
    expect(remote.images.map(({ aliases }) => aliases)).toEqual([
      ['24.04', 'noble', 'lts', 'default'],
    ]);
  });

  test('says what is wrong with a list that makes no sense', async ({ server, obtain }) => {
    for (const manifest of ['', '<html>', '[]', '{"products": 7}', '{"products"']) {
      server.manifest = manifest;
      const error = await errorOf(
        fetchRemote({ remote: 'release', mirror: server.url, arch }),
        'IMAGE_INVALID',
      );
      expect(error.message).toContain(
        `"${server.url}releases/streams/v1/products.json" is no list of images: `,
      );
    }
    await errorOf(obtain('24.04'), 'IMAGE_INVALID');
  });

  test('says that a server has no such remote', async ({ server }) => {
    const error = await errorOf(
      fetchRemote({ remote: 'snapcraft', mirror: server.url, arch }),
      'DOWNLOAD_FAILED',
    );
    expect(error.message).toContain('buildd/daily/streams/v1/index.json": the server answers 404');
  });

  test('takes no list that would fill the memory', async ({ server, obtain }) => {
    const before = process.memoryUsage.rss();
    const bombs = [['['.repeat(60_000_000), 'DOWNLOAD_FAILED']] as [string, ErrorCode][];
    bombs.push(['['.repeat(30_000_000), 'IMAGE_INVALID']);
    bombs.push([`{"products":[${'{},'.repeat(10_000_000)}{}]}`, 'IMAGE_INVALID']);
    for (const [bomb, code] of bombs) {
      server.manifest = bomb;
      await errorOf(obtain('24.04'), code);
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(600 * 1024 ** 2);
  });

  test('refuses a mirror without https elsewhere', async () => {
    await errorOf(
      fetchRemote({ remote: 'release', mirror: 'http://mirror.example/', arch }),
      'SETTING_INVALID',
    );
  });
});

describe('belowBase', () => {
  test('resolves a path below the remote', () => {
    expect(belowBase(base, 'server/a:b.img').href).toBe(
      'https://host.example/releases/server/a:b.img',
    );
    expect(belowBase(base, '/releases/a.img').href).toBe('https://host.example/releases/a.img');
  });

  test('never leads elsewhere', async () => {
    for (const path of [
      ...['http://host.example/releases/a.img', 'https://other.example/releases/a.img'],
      ...[
        '//other.example/releases/a',
        '/daily/a.img',
        '../a.img',
        'a/../../b.img',
        '%2e%2e/a.img',
      ],
      ...['file:///etc/passwd', '\\\\other.example\\a', 'https://me@host.example/releases/a'],
      'https://host.example:444/releases/a.img',
    ]) {
      const attempt = Promise.resolve().then(() => belowBase(base, path));
      await errorOf(attempt, 'IMAGE_INVALID');
    }
  });
});
