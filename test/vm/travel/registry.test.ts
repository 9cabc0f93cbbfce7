import { lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, vi } from 'vitest';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { storePublicKey } from '../../../src/vm/guest/store-key.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { newSeed } from '../../../src/vm/seed/new-seed.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { setSetting } from '../../../src/vm/settings/get-and-set.js';
import { meddlingProxy, type MeddlingProxy } from '../../registry/proxy.js';
import { realRegistry, type RealRegistry } from '../../registry/real-registry.js';
import { handMadeMac, makeInstance, specOf, test } from '../../support/store-fixture.js';
import { MIB, pulled, pushed, requireSame, writeNoise } from './registry-support.js';
import { otherStore } from './support.js';

let registry: RealRegistry;
let proxy: MeddlingProxy;

beforeAll(async () => {
  registry = await realRegistry();
  proxy = await meddlingProxy(registry.host);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

afterEach(() => {
  proxy.forget();
  vi.unstubAllEnvs();
});

describe('an instance in a registry', () => {
  test('is pushed and pulled, and sent again only where it changed', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { thin: true });
    await writeNoise(source.disk, 3 * MIB, 0);
    const reference = `${proxy.host}/team/web:1`;
    const first = await pushed(layout, 'web', reference);
    expect(first.chunksSent).toBe(first.chunks);
    expect(first.pinned).toBe(`${proxy.host}/team/web@${first.digest}`);
    const other = await otherStore(root);
    const arrived = await pulled(other, reference);
    expect(arrived).toMatchObject({ name: 'web', digest: first.digest, pinned: first.pinned });
    await requireSame([layout, 'web'], [other, 'web']);

    await writeNoise(source.disk, 5 * MIB, 8 * MIB);
    proxy.forget();
    const second = await pushed(layout, 'web', reference);
    expect(proxy.sent()).toBeLessThan(2 * 5 * MIB);
    expect(proxy.sent()).toBeGreaterThan(5 * MIB);
    expect(second.bytesSent).toBe(proxy.sent());
    proxy.forget();
    const again = await pulled(other, reference, { name: 'again' });
    await requireSame([layout, 'web'], [other, 'again']);
    const base = 'base-image.qcow2';
    expect(again.bytesShared).toBe((await lstat(source.file(base))).size);
    const inodes = ['again', 'web'].map(
      async (name) => (await lstat(other.instance(name).file(base))).ino,
    );
    expect(new Set(await Promise.all(inodes)).size).toBe(1);
    // The tag has moved on; what was pinned has not.
    await pulled(other, first.pinned, { name: 'before' });
    const sizeOf = async (name: string): Promise<number> =>
      (await lstat(other.instance(name).disk)).size;
    expect(await sizeOf('before')).toBeLessThan(await sizeOf('again'));
    expect(await readdir(other.staging)).toEqual([]);
  });

  test('has its base taken over for a linked clone, and for another repository', async ({
    root,
    store,
  }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web');
    await writeNoise(source.disk, 6 * MIB, 0);
    await pushed(layout, 'web', `${proxy.host}/linked/web`);
    await cloneInstance({ layout, source: 'web', name: 'copy', linked: true });
    await pushed(layout, 'web', `${proxy.host}/linked/web`);
    proxy.forget();
    await pushed(layout, 'copy', `${proxy.host}/linked/copy:2`);
    expect(proxy.sent()).toBeLessThan(MIB / 4);
    const other = await otherStore(root);
    await pulled(other, `${proxy.host}/linked/copy:2`, { name: 'here' });
    await requireSame([layout, 'copy'], [other, 'here']);

    // A store that does not know where it is can be told.
    await rm(layout.registriesFile);
    proxy.forget();
    const from = `${proxy.host}/linked/web:latest`;
    await pushed(layout, 'web', `${proxy.host}/elsewhere/web`, { from });
    expect(proxy.sent()).toBeLessThan(MIB / 4);
    proxy.forget();
    await rm(layout.registriesFile);
    await pushed(layout, 'web', `${proxy.host}/once/more`);
    expect(proxy.sent()).toBeGreaterThan(5 * MIB);
    await expect(
      pushed(layout, 'web', `${proxy.host}/a/b`, { from: `${proxy.host}/not/there` }),
    ).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
    await expect(
      pushed(layout, 'web', `${proxy.host}/a/b`, { from: `localhost:1/not/there` }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('says nothing of who and where it was, and no more user-data than it shall', async ({
    root,
    store,
  }) => {
    const { layout } = store;
    const mac = handMadeMac();
    const mount = {
      source: '/home/u/site',
      target: '/srv',
      type: 'classic' as const,
      uidMappings: [],
      gidMappings: [],
    };
    const spec = specOf({
      sshKey: 'id_ed25519',
      mounts: [mount],
      interfaces: [{ mac, network: null, auto: true }],
    });
    const source = await makeInstance(layout, 'web', { spec });
    const publicKey = await storePublicKey(layout);
    const userData = Buffer.from('#cloud-config\npassword: a-secret-of-mine\n');
    const about = { hostname: 'web', instanceId: spec.uuid, interfaces: spec.interfaces };
    await writeFile(source.seed, newSeed({ ...about, publicKey, userData, timezone: 'UTC' }));
    const report = await pushed(layout, 'web', `${proxy.host}/secret/web:1`);
    expect(report.userDataBytes).toBeGreaterThan(userData.length - 1);
    const published = async (): Promise<string> => {
      const files = await readdir(registry.root, { recursive: true, withFileTypes: true });
      const texts = files
        .filter((file) => file.isFile())
        .map(async (file) => {
          const text = (await readFile(join(file.parentPath, file.name))).toString('latin1');
          return text + seedOf(text);
        });
      return (await Promise.all(texts)).join('\n');
    };
    const [, key = ''] = publicKey.split(' ');
    const before = await published();
    expect(before).toContain('a-secret-of-mine');
    const identity = [spec.uuid, spec.vmgenid, mac.toString(), key, '/home/u', layout.root];
    for (const word of [...identity, 'PRIVATE KEY']) expect(before).not.toContain(word);
    const other = await otherStore(root);
    await pulled(other, `${proxy.host}/secret/web:1`);
    const fields = readInstance(other, 'web');
    expect(fields.spec.uuid).not.toBe(spec.uuid);
    const seed = readSeed(fields.dir.seed)!.map(({ data }) => data.toString());
    expect(seed.join('\n')).toContain((await storePublicKey(other)).split(' ')[1]);

    const stripped = await pushed(layout, 'web', `${proxy.host}/secret/web:2`, { userData: false });
    expect(stripped.userDataBytes).toBe(0);
    await pulled(other, `${proxy.host}/secret/web:2`, { name: 'bare' });
    const bare = readSeed(other.instance('bare').seed)!.map(({ data }) => data.toString());
    expect(bare.join('\n')).not.toContain('a-secret-of-mine');
    expect(bare.join('\n')).toContain((await storePublicKey(other)).split(' ')[1]);
  });

  test('goes to no tag that is taken, where that is wished, and to no digest', async ({
    store,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const reference = `${proxy.host}/taken/web:1`;
    const { digest } = await pushed(layout, 'web', reference, { clobber: false });
    await expect(pushed(layout, 'web', reference, { clobber: false })).rejects.toMatchObject({
      code: 'REFERENCE_TAKEN',
    });
    const refused = { code: 'INVALID_ARGUMENT' };
    await expect(pushed(layout, 'web', `${reference}@${digest}`)).rejects.toMatchObject(refused);
    await expect(pushed(layout, 'web', 'team/web')).rejects.toMatchObject(refused);
    await setSetting(layout, 'local.registry', proxy.host);
    await pushed(layout, 'web', 'taken/web:2');
    await expect(pulled(layout, `${proxy.host}/taken/web:9`)).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
    });
  });

  test('is sent again where the registry has lost a part of it', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web');
    await writeNoise(source.disk, 3 * MIB, 0);
    const reference = `${proxy.host}/lost/web:1`;
    const first = await pushed(layout, 'web', reference);
    const manifest = (await (
      await fetch(`http://${registry.host}/v2/lost/web/manifests/${first.digest}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
    ).json()) as { layers: { digest: string }[] };
    const lost = manifest.layers[1]!.digest.slice('sha256:'.length);
    // As its garbage collector would have it.
    const link = ['repositories/lost/web/_layers/sha256', `blobs/sha256/${lost.slice(0, 2)}`];
    for (const place of link) {
      await rm(join(registry.root, 'docker/registry/v2', place, lost), { recursive: true });
    }
    const again = await pushed(layout, 'web', reference);
    expect(again.chunksSent).toBe(1);
    const other = await otherStore(root);
    await pulled(other, reference);
    await requireSame([layout, 'web'], [other, 'web']);
  });
});

describe('a registry with a login', () => {
  test('is entered by those of other programs, and by nobody else', async ({ root, store }) => {
    await using closed = await realRegistry('u:secret');
    const { layout } = store;
    await makeInstance(layout, 'web');
    const reference = `${closed.host}/team/web:1`;
    const auth = join(root, '..', 'auth.json');
    vi.stubEnv('REGISTRY_AUTH_FILE', auth);
    await expect(pushed(layout, 'web', reference)).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      hint: expect.stringContaining(`skopeo login ${closed.host}`) as string,
    });
    const write = async (login: string): Promise<void> => {
      const entry = { auth: Buffer.from(login).toString('base64') };
      await writeFile(auth, JSON.stringify({ auths: { [closed.host]: entry } }));
    };
    await write('u:wrong');
    await expect(pushed(layout, 'web', reference)).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
    });
    await write('u:secret');
    const { digest } = await pushed(layout, 'web', reference);
    const other = await otherStore(root);
    expect((await pulled(other, reference)).digest).toBe(digest);
  });
});

/** What is in base64 in a config. */
function seedOf(text: string): string {
  const found = [...text.matchAll(/"data":"([A-Za-z0-9+/=]*)"/g)];
  return found.map(([, data = '']) => Buffer.from(data, 'base64').toString('latin1')).join('\n');
}
