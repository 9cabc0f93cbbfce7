import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { expectSoundStore } from '../../support/sound-store.js';
import { test } from '../../support/store-fixture.js';
import {
  importing,
  isSameDisk,
  makeFolder,
  makeRaw,
  ociOf,
  sha256,
  tarOfFolder,
} from './support.js';

describe('a containerDisk as an engine of containers saves it', () => {
  async function saved(root: string): Promise<{ raw: string; archive: string }> {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const layer = await makeFolder(join(folder, 'layer'), { 'disk/x': '' });
    await run('mv', [raw, join(layer, 'disk', 'x')]);
    await tarOfFolder(join(folder, 'layer.tar'), layer, ['disk']);
    const plain = await readFile(join(folder, 'layer.tar'));
    const type = 'application/vnd.oci.image.layer.v1.tar+gzip';
    const diffIds = [`sha256:${sha256(plain)}`];
    const oci = await ociOf(join(folder, 'oci'), { blob: gzipSync(plain), type, diffIds });
    const archive = join(folder, 'saved.tar');
    await run('skopeo', ['copy', '-q', `oci:${oci}`, `docker-archive:${archive}:shop/web:1`]);
    return { raw: join(layer, 'disk', 'x'), archive };
  }

  test('is the disk in its layer', async ({ root, store: { layout } }) => {
    const { raw, archive } = await saved(root);
    const { report } = await importing(layout, archive);
    expect(report).toMatchObject({ name: 'saved', kind: 'containerdisk' });
    expect(await isSameDisk(layout.instance('saved').disk, raw)).toBe(true);
  });

  test('is refused when it is for others, damaged, or is several', async ({ root, store }) => {
    const { archive } = await saved(root);
    const folder = await makeFolder(join(root, '..', 'taken apart'), {});
    await run('tar', ['-C', folder, '-xf', archive]);
    const files = await readdir(folder);
    const [config = '', layer = ''] = [/\.json$/, /\.tar$/].map((ending) =>
      files.find((file) => ending.test(file) && file !== 'manifest.json'),
    );
    const manifest = await readFile(join(folder, 'manifest.json'), 'utf8');
    const problemWith = async (changes: Readonly<Record<string, string>>): Promise<string> => {
      const kept = new Map<string, Buffer>();
      for (const [file, text] of Object.entries(changes)) {
        kept.set(file, await readFile(join(folder, file)));
        await writeFile(join(folder, file), text);
      }
      await tarOfFolder(`${archive}.2`, folder, [config, layer, 'manifest.json']);
      for (const [file, data] of kept) await writeFile(join(folder, file), data);
      const error: unknown = await importing(store.layout, `${archive}.2`, { name: 'no' }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: expect.stringMatching(/_INVALID$/) as string });
      return (error as Error).message;
    };
    const [image] = JSON.parse(manifest) as [object];
    const asManifest = (images: unknown): Record<string, string> => ({
      'manifest.json': JSON.stringify(images),
    });
    expect(await problemWith({ [layer]: 'something else' })).toContain(`"${layer}" is damaged`);
    expect(await problemWith({ [config]: '{}' })).toContain(`"${config}" is damaged`);
    expect(await problemWith(asManifest([image, image]))).toContain('there are 2 images in it');
    expect(await problemWith(asManifest([]))).toContain('there is no image in it');
    expect(await problemWith(asManifest([{ ...image, Layers: [] }]))).toContain(
      'it has 0 layers, and digests of 1',
    );
    expect(await problemWith(asManifest([{ ...image, Layers: ['/etc/passwd'] }]))).toContain(
      'it has no "/etc/passwd"',
    );
    expect(await problemWith(asManifest([{ ...image, Config: '../x.json' }]))).toContain(
      'it has no "../x.json"',
    );
    expect(await expectSoundStore(store.layout)).toEqual([]);
  });
});
