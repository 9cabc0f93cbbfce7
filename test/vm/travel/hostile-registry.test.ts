import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TarReader } from '../../../src/files/tar/tar-reader.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { obtainFromRegistry } from '../../../src/vm/registry-images/obtain-from-registry.js';
import { Work } from '../../../src/work.js';
import { hashTree } from '../../support/hash-tree.js';
import { makeInstance } from '../../support/store-fixture.js';
import { forgedChunk, putTogether, takeApart, type ForgedArchive } from './forged-archive.js';
import { pulled } from './registry-support.js';
import { exported, inPieces } from './support.js';

let folder: string;
let archive: Buffer;
let store: StoreLayout;
let before: unknown;
let server: Server;
/** What the registry has, by path. */
const served = new Map<string, { type: string; data: Buffer }>();

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'multipass-ts-hostile-'));
  const home = new StoreLayout(join(folder, 'home'));
  await initialiseStore(home);
  await makeInstance(home, 'web', { data: 1 });
  ({ archive } = await exported(home, 'web', { compression: 'gzip' }));
  store = new StoreLayout(join(folder, 'store'));
  await initialiseStore(store);
  await makeInstance(store, 'mine', { data: 0 });
  before = await hashTree(store.root);
  server = createServer((request, answer) => {
    const found = served.get(request.url ?? '');
    if (request.url === '/v2/') return void answer.end('{}');
    if (found === undefined) return void answer.writeHead(404).end();
    answer.writeHead(200, { 'content-type': found.type }).end(found.data);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

function serve(path: string, type: string, data: Buffer): void {
  served.set(`/v2/evil/web/${path}`, { type, data });
}

/** Has the registry serve what an archive has in it, as a pull and a launch of `evil/web` find it. */
async function serveParts(parts: ForgedArchive): Promise<void> {
  served.clear();
  const unfit = (problem: string): Error => new Error(problem);
  const tar = new TarReader(inPieces(putTogether(parts)), { unfit, limits: { entries: 1000 } });
  let last: Buffer = Buffer.alloc(0);
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    const data = await tar.body(1e9);
    const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(entry.name) ?? [];
    if (hex === undefined) continue;
    serve(`blobs/sha256:${hex}`, 'application/octet-stream', data);
    last = data;
  }
  const digest = createHash('sha256').update(last).digest('hex');
  for (const by of ['1', `sha256:${digest}`]) serve(`manifests/${by}`, MANIFEST, last);
}

/** Both ways to take it. */
function tries(): (() => Promise<unknown>)[] {
  const reference = `127.0.0.1:${(server.address() as AddressInfo).port}/evil/web:1`;
  const options = { layout: store, mirror: null, work: Work.of() };
  return [
    async () => await pulled(store, reference, { name: 'evil' }),
    async () => await obtainFromRegistry(`docker://${reference}`, options),
  ];
}

/** Tries both ways, and sees that nothing is left of it. */
async function refusals(): Promise<string[]> {
  const said: string[] = [];
  for (const attempt of tries()) {
    const outcome = await attempt().then(
      () => 'taken',
      (error: unknown) => {
        const { code, message } = error as { code?: string; message: string };
        return `${code ?? 'no code'}: ${message}`;
      },
    );
    said.push(outcome);
    expect(await hashTree(store.root), outcome).toEqual(before);
    expect(await readdir(store.staging)).toEqual([]);
  }
  return said;
}

const REFUSED = /^(?:ARTIFACT_INVALID|RECORD_INVALID|REGISTRY_FAILED|IMAGE_INVALID|DISK_FULL): /;

async function forged(change: (parts: ForgedArchive) => void): Promise<void> {
  const parts = await takeApart(archive);
  change(parts);
  await serveParts(parts);
  for (const outcome of await refusals()) expect(outcome, String(change)).toMatch(REFUSED);
}

describe('a registry that serves what no push has sent', () => {
  it('is refused by pull and by launch, and nothing is left', async () => {
    const chunk = forgedChunk(Buffer.alloc(4096, 7), { offset: 0 });
    const bomb = forgedChunk(Buffer.alloc(200 * 1024 ** 2), { size: 4096 });
    const note = (key: string, value: string) => (parts: ForgedArchive) =>
      void (parts.manifest.layers[0]!.annotations[`io.multipass-ts.${key}`] = value);
    const changes: ((parts: ForgedArchive) => void)[] = [
      note('file', '../../evil'),
      note('file', '/etc/passwd'),
      note('file', 'spec.json'),
      note('offset', '-1'),
      note('offset', '999999999'),
      note('size', String(2 ** 30)),
      note('content', `sha256:${'0'.repeat(64)}`),
      ({ manifest }) => (manifest.layers[0]!.digest = `sha256:${'0'.repeat(64)}`),
      ({ manifest }) => (manifest.layers[0]!.size += 1),
      ({ manifest }) => (manifest.layers[0]!.size = 2 ** 40),
      ({ manifest }) => manifest.layers.push(chunk.layer),
      ({ manifest, entries }) => {
        entries.push(bomb.entry);
        manifest.layers = [bomb.layer];
      },
      ({ manifest }) =>
        (manifest.layers = Array.from({ length: 10_001 }, () => manifest.layers[0]!)),
      ({ manifest }) => (manifest.layers[0]!.mediaType = 'application/vnd.oci.image.layer.v1.tar'),
      ({ config }) => (config.files[0]!.name = '../../.ssh/authorized_keys'),
      ({ config }) => (config.files[0]!.backing = '/etc/passwd'),
      ({ config }) => (config.files[0]!.size = 15 * 1024 ** 4),
      ({ config }) => (config.comment = 'x'.repeat(1024 ** 2)),
    ];
    for (const change of changes) await forged(change);
  });

  it('is refused for an index of thousands, and for one that leads nowhere', async () => {
    const one = { mediaType: MANIFEST, digest: `sha256:${'0'.repeat(64)}`, size: 100 };
    for (const count of [1, 65, 5000]) {
      served.clear();
      const manifests = Array.from({ length: count }, () => one);
      const index = { schemaVersion: 2, mediaType: INDEX, manifests };
      serve('manifests/1', INDEX, Buffer.from(JSON.stringify(index)));
      for (const outcome of await refusals()) expect(outcome, `${count}`).toMatch(REFUSED);
    }
  });

  it('is refused for another blob under a digest', async () => {
    const parts = await takeApart(archive);
    await serveParts(parts);
    const { data } = parts.entries[0]!;
    const hex = createHash('sha256').update(data).digest('hex');
    for (const other of [
      data.subarray(1),
      Buffer.concat([data, data]),
      Buffer.alloc(data.length),
    ]) {
      serve(`blobs/sha256:${hex}`, 'application/octet-stream', other);
      for (const outcome of await refusals()) expect(outcome).toMatch(REFUSED);
    }
    serve(`blobs/sha256:${hex}`, 'application/octet-stream', data);
    const [pull, obtain] = tries();
    expect(await pull!()).toMatchObject({ name: 'evil' });
    expect(await obtain!()).toMatchObject({ isNew: true });
  });
});
