import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { readUserData } from '../../../src/vm/launch/read-user-data.js';
import { test as base } from '../../support/store-fixture.js';

const TEXT = Buffer.from('#cloud-config\n# größer\npackages: [ jq ]\n');

/** What no text has: Latin-1, and what is compressed. */
const BYTES = [Buffer.from('pass: gr\xf6\xdfer\n', 'latin1'), gzipSync(TEXT)];

const test = base.extend<{ serve: (answer: RequestListener) => Promise<string> }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  serve: async ({}, use) => {
    const servers: ReturnType<typeof createServer>[] = [];
    await use(async (answer) => {
      const server = createServer(answer).listen(0, '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/user-data`;
    });
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  },
});

const stdin = async (): Promise<Buffer> => Promise.resolve(TEXT);
const noStdin = async (): Promise<Buffer> => Promise.reject(new Error('stdin was read'));

describe('readUserData', () => {
  test('reads a file, a URL, and standard input', async ({ root, serve }) => {
    await mkdir(root);
    const file = join(root, 'user data.yaml');
    await writeFile(file, TEXT);
    expect(await readUserData(file, { stdin: noStdin })).toEqual(TEXT);
    const url = await serve((_, response) => response.end(TEXT));
    expect(await readUserData(url, { stdin: noStdin })).toEqual(TEXT);
    expect(await readUserData('-', { stdin })).toEqual(TEXT);
  });

  test.for(BYTES)('changes no byte of %j', async (bytes, { root, serve }) => {
    await mkdir(root);
    const file = join(root, 'data');
    await writeFile(file, bytes);
    expect(await readUserData(file, { stdin: noStdin })).toEqual(bytes);
    const url = await serve((_, response) => response.end(bytes));
    expect(await readUserData(url, { stdin: noStdin })).toEqual(bytes);
    const given = async (): Promise<Buffer> => Promise.resolve(bytes);
    expect(await readUserData('-', { stdin: given })).toEqual(bytes);
  });

  test('says what cannot be read', async ({ root, serve }) => {
    const missing = join(root, 'missing.yaml');
    await expect(readUserData(missing, { stdin })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`cannot load "${missing}": cannot read`) as string,
      hint: 'Name a file, a URL, or - for standard input.',
    });
    const url = await serve((_, response) => response.writeHead(404).end());
    await expect(readUserData(url, { stdin })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `cannot load "${url}": the server answered 404`,
    });
  });

  test('says that a server is not there', async ({ serve }) => {
    const url = await serve((request) => request.destroy());
    await expect(readUserData(url, { stdin })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('refuses what cloud-init would never take', async () => {
    const huge = async (): Promise<Buffer> =>
      Promise.resolve(Buffer.alloc(16 * 1024 ** 2 + 1, 'x'));
    await expect(readUserData('-', { stdin: huge })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('larger than 16777216 bytes') as string,
    });
  });

  test('ends with the signal, and is not blamed for it', async ({ serve }) => {
    const url = await serve(() => undefined);
    const signal = AbortSignal.timeout(100);
    await expect(readUserData(url, { stdin, signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
