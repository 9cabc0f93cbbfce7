import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { link, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { obtainImage } from '../../../src/vm/images/obtain-image.js';
import { Work } from '../../../src/work.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { sha256Of } from '../../support/image-server.js';
import {
  errorOf,
  expectNothingLeft,
  expectSameContent,
  processTest,
  test,
  until,
} from '../../support/image-fixture.js';

const CUT = 1024 * 1024 + 17;

async function partSize(layout: StoreLayout): Promise<number> {
  const [file] = (await readdir(layout.downloads)).filter((name) => name.endsWith('.part'));
  return file === undefined ? 0 : (await stat(join(layout.downloads, file))).size;
}

/** What a download of a disk is called. */
function partOf(disk: string): RegExp {
  return new RegExp(`^${sha256Of(disk)}\\.[0-9a-f]{16}\\.part$`);
}

describe('a download', () => {
  test('goes on by itself when the connection is cut', async ({ obtain, server, layout, raw }) => {
    server.faults = { stallAfter: CUT };
    const obtaining = obtain('24.04');
    await until(async () => (await partSize(layout)) === CUT);
    server.faults = {};
    server.cutNow();
    await expectSameContent((await obtaining).dir.disk, raw);
    expect(server.diskRequests.map(({ range }) => range)).toEqual([null, `bytes=${CUT}-`]);
  });

  test('is gone on with by the next call when it was given up', async ({
    obtain,
    server,
    layout,
    disk,
    raw,
  }) => {
    server.faults = { cutAfter: 300_000 };
    const error = await errorOf(obtain('24.04'), 'DOWNLOAD_FAILED');
    expect(error.message).toBe(`cannot download "${server.diskUrl()}": the connection was cut`);
    expect(await readdir(layout.downloads)).toEqual([expect.stringMatching(partOf(disk))]);
    const kept = await partSize(layout);
    expect(kept).toBeGreaterThan(0);
    expect(await readdir(layout.images)).toEqual([]);
    server.faults = {};
    const { dir } = await obtain('24.04');
    expect(server.diskRequests.at(-1)?.range).toBe(`bytes=${kept}-`);
    await expectSameContent(dir.disk, raw);
    await expectNothingLeft(layout);
  });

  test('begins again when the server knows no ranges', async ({ obtain, server, raw }) => {
    server.faults = { cutAfter: CUT, cuts: 1, ignoresRange: true };
    const { dir } = await obtain('24.04');
    expect(server.diskRequests).toHaveLength(2);
    await expectSameContent(dir.disk, raw);
  });

  test('begins again when what was there is of another file', async ({
    obtain,
    server,
    layout,
    disk,
    raw,
  }) => {
    const part = join(layout.downloads, `${sha256Of(disk)}.0123456789abcdef.part`);
    await writeFile(part, 'not the beginning of it');
    const { dir } = await obtain('24.04');
    expect(server.diskRequests.map(({ range }) => range)).toEqual(['bytes=23-', null]);
    await expectSameContent(dir.disk, raw);
  });

  test('begins again when what was there is longer than the file', async ({
    obtain,
    layout,
    disk,
    raw,
  }) => {
    const part = join(layout.downloads, `${sha256Of(disk)}.0123456789abcdef.part`);
    await writeFile(part, Buffer.alloc(4 * 1024 * 1024));
    const { dir } = await obtain('24.04');
    await expectSameContent(dir.disk, raw);
  });

  test('never writes to a file that has another name as well', async ({
    obtain,
    layout,
    disk,
    outside,
  }) => {
    const base = join(outside, 'base');
    await writeFile(base, 'the base of an instance');
    await link(base, join(layout.downloads, `${sha256Of(disk)}.0123456789abcdef.part`));
    await obtain('24.04');
    expect(await readFile(base, 'utf8')).toBe('the base of an instance');
  });

  test('of a wrong hash never becomes visible, and nothing is kept', async ({
    obtain,
    server,
    layout,
  }) => {
    server.promisedSha256 = 'c0ffee'.repeat(11).slice(0, 64);
    const error = await errorOf(obtain('24.04'), 'IMAGE_INVALID');
    expect(error.message).toBe(`the hash of "${server.diskUrl()}" does not match`);
    expect(error.hint).toContain('Try again');
    expect(await readdir(layout.images)).toEqual([]);
    await expectNothingLeft(layout);
  });

  test('fails with what the server answers', async ({ obtain, server, layout }) => {
    server.faults = { status: 500 };
    const error = await errorOf(obtain('24.04'), 'DOWNLOAD_FAILED');
    expect(error.message).toBe(
      `cannot download "${server.diskUrl()}": the server answers 500 Internal Server Error`,
    );
    expect(server.diskRequests).toHaveLength(1);
    expect(await readdir(layout.images)).toEqual([]);
  });

  test('is given up when the server falls silent', async ({ obtain, server, layout }) => {
    server.faults = { stallAfter: 65_536 };
    const error = await errorOf(obtain('24.04', { stallMs: 200 }), 'DOWNLOAD_FAILED');
    expect(error.message).toContain('nothing has come for 0.2 s');
    expect(await readdir(layout.images)).toEqual([]);
  });

  test('may take longer than the server may be silent', async ({ obtain, server, raw }) => {
    server.faults = { pauseMs: 40 };
    const { dir } = await obtain('24.04', { stallMs: 700 });
    await expectSameContent(dir.disk, raw);
    expect(server.diskRequests).toHaveLength(1);
  });

  test('ends at once when it is interrupted, and keeps what has come', async ({
    obtain,
    server,
    layout,
    raw,
  }) => {
    server.faults = { stallAfter: 500_000 };
    const abort = new AbortController();
    const obtaining = errorOf(obtain('24.04', { signal: abort.signal }), 'ABORTED');
    await until(async () => (await partSize(layout)) === 500_000);
    abort.abort();
    await obtaining;
    expect(await readdir(layout.staging)).toEqual([]);
    server.faults = {};
    await expectSameContent((await obtain('24.04')).dir.disk, raw);
    expect(server.diskRequests.at(-1)?.range).toBe('bytes=500000-');
  });

  test('is done once for all who ask at the same time', async ({ obtain, server, layout }) => {
    const images = await Promise.all(['24.04', 'noble', '', 'lts'].map((query) => obtain(query)));
    expect(new Set(images.map(({ id }) => id)).size).toBe(1);
    expect(server.diskRequests).toHaveLength(1);
    await expectNothingLeft(layout);
  });
});

describe('processes that download', () => {
  processTest('share one download', async ({ start, obtain, server, layout }) => {
    server.faults = { pauseMs: 10 };
    const others = [start('24.04'), start('noble')];
    const { id } = await obtain('24.04');
    for (const { result } of others) expect(await result).toBe(id);
    expect(server.diskRequests).toHaveLength(1);
    await expectNothingLeft(layout);
  });

  processTest(
    'go on with what a killed one left',
    async ({ start, obtain, server, layout, raw }) => {
      server.faults = { stallAfter: 1_000_000 };
      const victim = start('24.04');
      await until(async () => (await partSize(layout)) === 1_000_000);
      await victim.kill();
      server.faults = {};
      const { dir } = await obtain('24.04');
      expect(server.diskRequests.at(-1)?.range).toBe('bytes=1000000-');
      await expectSameContent(dir.disk, raw);
      await expectNothingLeft(layout);
    },
  );

  processTest(
    'take over from one that is killed while they wait',
    async ({ start, obtain, server, layout, raw }) => {
      server.faults = { stallAfter: 1_000_000 };
      const victim = start('24.04');
      await until(async () => (await partSize(layout)) === 1_000_000);
      const waiting = obtain('noble');
      await until(
        () => server.requests.filter(({ path }) => path.includes('products')).length === 2,
      );
      server.faults = {};
      await victim.kill();
      await expectSameContent((await waiting).dir.disk, raw);
      expect(server.diskRequests.map(({ range }) => range)).toEqual([null, 'bytes=1000000-']);
      await expectNothingLeft(layout);
    },
  );
});

describe.runIf(canLoopMount)('a download that does not say how much it is', () => {
  /** Sends for ever, if it is let. */
  const endless = createServer((request, response) => {
    response.writeHead(200);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const piece = Buffer.alloc(256 * 1024, 'x');
    const send = (): void => {
      while (response.writable && !response.destroyed) {
        if (!response.write(piece)) return void response.once('drain', send);
      }
    };
    send();
  });

  test('does not fill the file system, and leaves nothing', async () => {
    endless.listen(0, '127.0.0.1');
    await once(endless, 'listening');
    const { port } = endless.address() as AddressInfo;
    await withLoopMount('ext4', 32, async (folder) => {
      const layout = new StoreLayout(join(folder, 'store'));
      await initialiseStore(layout);
      let least = Infinity;
      const look = (): void => {
        const { bavail, bsize } = statfsSync(folder);
        least = Math.min(least, bavail * bsize);
      };
      const timer = setInterval(look, 5);
      const query = `http://127.0.0.1:${port}/disk.img`;
      const obtaining = obtainImage({ layout, query, mirror: null, work: Work.of({}) });
      const error = await errorOf(obtaining, 'DISK_FULL');
      clearInterval(timer);
      expect(error.message).toContain(query);
      expect(least).toBeGreaterThan(2 * 1024 ** 2);
      expect(await partSize(layout)).toBe(0);
    });
    endless.closeAllConnections();
    endless.close();
  });
});
