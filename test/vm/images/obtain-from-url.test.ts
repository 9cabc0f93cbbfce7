import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { copyFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import type { ImageServer } from '../../support/image-server.js';
import {
  bootable,
  errorOf,
  expectNothingLeft,
  expectSameContent,
  test,
  until,
} from '../../support/image-fixture.js';

const CUT = 700_000;

/** Waits until so much has come. */
async function reach(layout: StoreLayout): Promise<void> {
  await until(async () => {
    const [file] = (await readdir(layout.downloads)).filter((name) => name.endsWith('.part'));
    return file !== undefined && (await stat(join(layout.downloads, file))).size === CUT;
  });
}

/** Cuts the connection once so much has come, and lets the server do well from then on. */
async function cut(server: ImageServer, layout: StoreLayout): Promise<void> {
  await reach(layout);
  server.faults = { ...server.faults, stallAfter: Infinity };
  server.cutNow();
}

describe('obtainImage of a URL', () => {
  test('downloads it once, as long as the server has the same file', async ({
    obtain,
    server,
    layout,
    raw,
    disk,
    outside,
  }) => {
    const first = await obtain(server.diskUrl());
    expect(first.record.query).toEqual({ release: server.diskUrl(), remote: '', type: 'http' });
    await expectSameContent(first.dir.disk, raw);
    expect((await obtain(server.diskUrl())).id).toBe(first.id);
    expect(server.diskRequests.map(({ method }) => method)).toEqual(['HEAD', 'GET', 'HEAD']);

    await run('qemu-img', ['create', '-q', '-f', 'qcow2', join(outside, 'new'), '4M']);
    await rename(join(outside, 'new'), disk);
    const second = await obtain(server.diskUrl());
    expect(second.id).not.toBe(first.id);
    expect(second.virtualSize).toBe(4 * 1024 * 1024);
    expect(await readdir(layout.images)).toHaveLength(2);
    await expectNothingLeft(layout);
  });

  test('is asked for with GET where HEAD is refused', async ({ obtain, server, raw }) => {
    server.faults = { refusesHead: true };
    await expectSameContent((await obtain(server.diskUrl())).dir.disk, raw);
  });

  test('goes on after a cut while the file is the same', async ({
    obtain,
    server,
    layout,
    raw,
  }) => {
    server.faults = { stallAfter: CUT };
    const obtaining = obtain(server.diskUrl());
    await cut(server, layout);
    await expectSameContent((await obtaining).dir.disk, raw);
    expect(server.diskRequests.at(-1)?.range).toBe(`bytes=${CUT}-`);
  });

  test('begins again after a cut when the file is another one', async ({
    obtain,
    server,
    layout,
    raw,
    outside,
  }) => {
    server.add({ disk: raw });
    const changed = join(outside, 'changed.raw');
    await writeFile(changed, bootable(randomBytes((await stat(raw)).size)));
    server.faults = { stallAfter: CUT };
    const obtaining = obtain(server.diskUrl(1));
    await reach(layout);
    await copyFile(changed, raw);
    await cut(server, layout);
    await expectSameContent((await obtaining).dir.disk, changed);
  });

  test('begins again after a cut when the server does not tell whether it is the same', async ({
    obtain,
    server,
    layout,
    raw,
  }) => {
    server.faults = { stallAfter: CUT, hasNoValidators: true };
    const obtaining = obtain(server.diskUrl());
    await cut(server, layout);
    await expectSameContent((await obtaining).dir.disk, raw);
    expect(server.diskRequests.map(({ range }) => range)).toEqual([null, null, null]);
  });

  test('uses what came from there before when the server is gone', async ({ obtain, server }) => {
    const { id } = await obtain(server.diskUrl());
    await server.close();
    const warnings: string[] = [];
    const image = await obtain(server.diskUrl(), { onWarning: (text) => warnings.push(text) });
    expect(image.id).toBe(id);
    expect(warnings).toEqual([
      expect.stringContaining('the image that came from there before is used'),
    ]);
    await errorOf(obtain(server.diskUrl(7)), 'DOWNLOAD_FAILED');
  });

  test('keeps nothing of what is no disk', async ({ obtain, server, layout }) => {
    server.manifest = 'no disk at all';
    const url = `${server.url}releases/streams/v1/products.json`;
    const error = await errorOf(obtain(url), 'IMAGE_INVALID');
    expect(error.message).toContain(`"${url}" is not a usable image: `);
    await expectNothingLeft(layout);
  });

  test('says what the server answers', async ({ obtain, server }) => {
    const error = await errorOf(obtain(server.diskUrl(9)), 'DOWNLOAD_FAILED');
    expect(error.message).toBe(
      `cannot download "${server.diskUrl(9)}": the server answers 404 Not Found`,
    );
  });

  test('is taken for raw when it is told to, as another image', async ({
    obtain,
    server,
    disk,
  }) => {
    const url = server.diskUrl();
    const image = await obtain(url);
    const asRaw = await obtain(url, { as: 'raw' });
    expect(asRaw.id).not.toBe(image.id);
    await expectSameContent(asRaw.dir.disk, disk);
    expect([image.isNew, asRaw.isNew, (await obtain(url)).isNew]).toEqual([true, true, false]);
  });

  test('cannot aim at its own download, and nobody knows its name', async ({ obtain, layout }) => {
    let content = '';
    const seen: string[] = [];
    mkdirSync(layout.downloads, { recursive: true });
    const server = createServer((_, response) => {
      // It is there before it is asked for.
      seen.push(...readdirSync(layout.downloads).filter((name) => name.endsWith('.part')));
      response.writeHead(200, { etag: '"chosen"', 'content-length': 1024 }).end(content);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.vmdk`;
    const key = createHash('sha256').update([url, '"chosen"', '1024'].join('\n')).digest('hex');
    for (const target of [`${key}.part`, join(layout.downloads, `${key}.part`)]) {
      content = `version=1\ncreateType="monolithicFlat"\nRW 2 FLAT "${target}" 0\n`.padEnd(1024);
      const error = await errorOf(obtain(url), 'IMAGE_INVALID');
      expect(error.message).toMatch(/vmdk descriptor/);
      expect(await readdir(layout.images)).toEqual([]);
      await expectNothingLeft(layout);
    }
    expect(seen).not.toEqual([]);
    for (const name of seen) expect(name).toMatch(new RegExp(`^${key}\\.[0-9a-f]{16}\\.part$`));
    expect(new Set(seen).size).toBe(2);
    server.closeAllConnections();
    server.close();
  });

  test('follows a few redirections, and no more', async ({ obtain, server, raw }) => {
    server.redirect('/old', '/newer');
    server.redirect('/newer', server.diskUrl());
    server.redirect('/round', '/round');
    await expectSameContent((await obtain(`${server.url}old`)).dir.disk, raw);
    const error = await errorOf(obtain(`${server.url}round`), 'DOWNLOAD_FAILED');
    expect(error.message).toContain('redirected more than 5 times');
  });

  test('is never led to another kind of address', async ({ obtain, server }) => {
    for (const to of ['file:///etc/passwd', 'ftp://127.0.0.1/disk.img', 'http://']) {
      server.redirect('/away', to);
      const error = await errorOf(obtain(`${server.url}away`), 'DOWNLOAD_FAILED');
      expect(error.message).toContain('it is redirected to ');
    }
  });
});
