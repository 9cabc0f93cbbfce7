import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { digestOf } from '../../../src/files/digest.js';
import { prepareStore } from '../../../src/vm/sweep.js';
import { Work } from '../../../src/work.js';
import { obtainFromRegistry } from '../../../src/vm/registry-images/obtain-from-registry.js';
import type { Obtained } from '../../../src/vm/images/obtain-options.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { realRegistry, type RealRegistry } from '../../registry/real-registry.js';
import { ociOf } from '../foreign/support.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { MIB, pulled, pushed, requireSame, writeNoise } from '../travel/registry-support.js';
import { otherStore } from '../travel/support.js';

let registry: RealRegistry;
beforeAll(async () => {
  registry = await realRegistry();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

async function obtained(layout: StoreLayout, reference: string): Promise<Obtained> {
  await prepareStore(layout);
  const options = { layout, mirror: null, work: Work.of() };
  return await obtainFromRegistry(`docker://${reference}`, options);
}

describe('an instance that is pushed with a containerDisk', () => {
  test('is read by skopeo and umoci, pulled by us, and launched from', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { thin: true, tags: 1 });
    await writeNoise(source.disk, 5 * MIB, 4 * MIB);
    const reference = `${registry.host}/kube/web:1`;
    const report = await pushed(layout, 'web', reference, { containerDisk: true });
    expect(report.containerDisk).toMatch(/^sha256:/);
    expect(report.digest).not.toBe(report.containerDisk);
    expect(await readdir(layout.staging)).toEqual([]);

    const remote = ['--tls-verify=false', `docker://${reference}`];
    const inspected = await run('skopeo', ['inspect', ...remote]);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ Architecture: 'amd64', Os: 'linux' });
    const folder = join(root, '..', 'oci');
    await run('skopeo', [
      'copy',
      '--src-tls-verify=false',
      `docker://${reference}`,
      `oci:${folder}:v`,
    ]);
    const unpacked = join(root, '..', 'unpacked');
    await run('umoci', ['raw', 'unpack', '--rootless', '--image', `${folder}:v`, unpacked]);
    expect(await readdir(join(unpacked, 'disk'))).toEqual(['disk.qcow2']);
    const disk = join(unpacked, 'disk', 'disk.qcow2');
    await run('qemu-img', ['compare', '-q', disk, source.disk]);

    const other = await otherStore(root);
    const arrived = await pulled(other, reference);
    expect(arrived.digest).toBe(report.digest);
    await requireSame([layout, 'web'], [other, 'web']);
    const first = await obtained(other, reference);
    expect(first.isNew).toBe(true);
    await run('qemu-img', ['compare', '-q', first.image.dir.disk, source.disk]);
    expect((await obtained(other, report.pinned)).isNew).toBe(false);

    const again = await pushed(layout, 'web', reference, { containerDisk: true });
    expect(again.bytesSent).toBeLessThan(MIB / 4);
    // As others copy it: what they do not know of an index is gone then.
    const all = `docker://${registry.host}/kube/copied:1`;
    const how = ['--all', '--src-tls-verify=false', '--dest-tls-verify=false'];
    await run('skopeo', ['copy', ...how, `docker://${reference}`, all]);
    await pulled(other, all, { name: 'copied' });
    await requireSame([layout, 'web'], [other, 'copied']);
  });
});

describe('launch docker://', () => {
  test('takes an instance of ours as an image', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { thin: true });
    await writeNoise(source.disk, 2 * MIB, 4 * MIB);
    const reference = `${registry.host}/plain/web:1`;
    await pushed(layout, 'web', reference);
    const other = await otherStore(root);
    const { image, query } = await obtained(other, reference);
    await run('qemu-img', ['compare', '-q', image.dir.disk, source.disk]);
    const { stdout } = await run('qemu-img', ['info', '--output=json', image.dir.disk]);
    expect(JSON.parse(stdout)).not.toHaveProperty('backing-filename');
    expect(query.release).toMatch(/^docker:\/\/.*@sha256:/);
    expect(await readdir(image.dir.path)).toEqual(['disk.qcow2', 'image-record.json']);
  });

  test.for(['tar', 'tar+gzip'] as const)(
    'takes a disk out of a layer: %s',
    async (kind, { root, store: { layout } }) => {
      const made = await layerWith(root, ['disk/one.img']);
      const reference = await image(`any/${kind.replace('+', '')}:1`, kind, made.tar);
      const { image: found } = await obtained(layout, reference);
      await run('qemu-img', ['compare', '-q', made.disk, found.dir.disk]);
    },
  );

  test.for(['raw+zstd', 'raw+gzip', 'qcow2'] as const)(
    'takes the disk that the export of KubeVirt has pushed: %s',
    async (kind, { root, store: { layout } }) => {
      // A raw disk that looks like none is one when its type says so.
      const raw = join(root, '..', 'raw.img');
      await writeFile(raw, Buffer.alloc(3 * MIB, 'no boot sector'));
      const [format, packing] = kind.split('+');
      const disk = join(root, '..', 'disk');
      if (format === 'raw') await copyFile(raw, disk);
      else await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
      if (packing !== undefined) await run(packing === 'zstd' ? 'zstd' : 'gzip', ['-q', disk]);
      const packed = `${disk}${packing === undefined ? '' : packing === 'zstd' ? '.zst' : '.gz'}`;
      const type = `application/vnd.kubevirt.disk.${kind}`;
      const oci = await ociOf(join(root, '..', 'export'), { blob: await readFile(packed), type });
      const reference = `${registry.host}/exported/${kind.replace('+', '')}:1`;
      const words = ['copy', '-q', '--dest-tls-verify=false'];
      await run('skopeo', [...words, `oci:${oci}`, `docker://${reference}`]);
      const { image: found } = await obtained(layout, reference);
      await run('qemu-img', ['compare', '-q', '-f', 'raw', '-F', 'qcow2', raw, found.dir.disk]);
      expect(await readdir(found.dir.path)).toEqual(['disk.qcow2', 'image-record.json']);
    },
  );

  test('refuses what has no disk, several, or none for this host', async ({ root, store }) => {
    const { layout } = store;
    const refused = { code: 'IMAGE_INVALID' };
    for (const [index, names] of [
      ['other/one.img'],
      ['disk/a', 'disk/b'],
      ['disk/d/a'],
    ].entries()) {
      const { tar } = await layerWith(root, names);
      const reference = await image(`bad/a${index}:1`, 'tar', tar);
      await expect(obtained(layout, reference)).rejects.toMatchObject(refused);
    }
    const lying = await image('bad/gzip:1', 'tar+gzip', Buffer.from('no gzip'), { isPacked: true });
    await expect(obtained(layout, lying)).rejects.toMatchObject(refused);
    await expect(obtained(layout, `${registry.host}/not/there`)).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
    });
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.images)).toEqual([]);
  });
});

/** A tar of files of noise, such as other programs make it. */
async function layerWith(
  root: string,
  names: readonly string[],
): Promise<{ tar: Buffer; disk: string }> {
  const folder = join(root, '..', `layer-${names.length}-${names[0]!.replaceAll('/', '-')}`);
  for (const name of names) {
    for (const [index] of [...name.matchAll(/\//g)].entries()) {
      const part = name.split('/').slice(0, index + 1);
      await mkdir(join(folder, ...part), { recursive: true });
    }
    const file = join(folder, name);
    await writeFile(`${folder}.raw`, Buffer.alloc(2 * MIB, `${name} `));
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', `${folder}.raw`, file]);
  }
  await run('tar', ['-C', folder, '-cf', `${folder}.tar`, names[0]!.split('/')[0]!]);
  return { tar: await readFile(`${folder}.tar`), disk: join(folder, names[0]!) };
}

/** Puts a container image into the registry by hand. */
async function image(
  name: string,
  kind: 'tar' | 'tar+gzip',
  layer: Buffer,
  { isPacked = false } = {},
): Promise<string> {
  const [path = '', tag = ''] = name.split(':');
  const base = `http://${registry.host}/v2/${path}`;
  const send = async (data: Buffer): Promise<{ digest: string; size: number }> => {
    const digest = digestOf(data);
    const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    const to = `${begun.headers.get('location')!}&digest=${digest}`;
    await fetch(to, { method: 'PUT', body: new Uint8Array(data) });
    return { digest, size: data.length };
  };
  const type = 'application/vnd.oci.image';
  const config = await send(Buffer.from('{"architecture":"amd64","os":"linux"}'));
  const packed = kind === 'tar' || isPacked ? layer : gzipSync(layer);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { mediaType: `${type}.config.v1+json`, ...config },
    layers: [{ mediaType: `${type}.layer.v1.${kind}`, ...(await send(packed)) }],
  });
  const headers = { 'content-type': `${type}.manifest.v1+json` };
  const put = await fetch(`${base}/manifests/${tag}`, { method: 'PUT', headers, body: manifest });
  expect(put.status).toBe(201);
  return `${registry.host}/${name}`;
}
