import {
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { instanceEntryNames } from '../../../src/store/listing.js';
import { test } from '../../support/store-fixture.js';
import { tarOf } from '../travel/forged-archive.js';
import {
  convertTo,
  importing,
  isSameDisk,
  makeFolder,
  makeOva,
  makeRaw,
  ovfOf,
  tarOfFolder,
} from './support.js';

/** What a file is refused with; a plain error is a bug. */
async function refusal(layout: StoreLayout, from: string): Promise<string> {
  try {
    await importing(layout, from, { name: 'evil' });
  } catch (error) {
    const { code = 'none', message } = error as Error & { code?: string };
    expect(code, message).toMatch(/^(?:ARTIFACT_INVALID|IMAGE_INVALID|RECORD_INVALID)$/);
    expect(instanceEntryNames(layout)).toEqual([]);
    expect(await readdir(layout.staging)).toEqual([]);
    return message;
  }
  throw new Error(`${from} was taken`);
}

function entry(
  name: string,
  data: string | Buffer = '',
  more: { type?: string; size?: number } = {},
) {
  return { name, data: Buffer.from(data), pax: new Map<string, string>(), ...more };
}

describe('a file that names others', () => {
  test('is refused, whatever it is packed in', async ({ root, store: { layout } }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const flat =
      '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n';
    const backed = join(folder, 'backed.qcow2');
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-u',
      '-F',
      'raw',
      '-b',
      '/etc/passwd',
      backed,
      '1M',
    ]);
    const external = join(folder, 'external.qcow2');
    const data = join(folder, 'data');
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${data}`,
      external,
      '1M',
    ]);
    const vdi = await convertTo('vdi', [raw, join(folder, 'x.vdi')]);
    await using handle = await open(vdi, 'r+');
    await handle.write(Buffer.from([4, 0, 0, 0]), 0, 4, 76);
    const disks: Record<string, Buffer> = {
      'flat.vmdk': Buffer.from(flat),
      'backed.qcow2': await readFile(backed),
      'external.qcow2': await readFile(external),
      'differencing.vdi': await readFile(vdi),
    };
    for (const [name, disk] of Object.entries(disks)) {
      const alone = join(folder, `alone-${name}`);
      await writeFile(alone, disk);
      await refusal(layout, alone);
      await writeFile(`${alone}.gz`, gzipSync(disk));
      await refusal(layout, `${alone}.gz`);
      const ova = join(folder, `${name}.ova`);
      await writeFile(ova, tarOf([entry('a.ovf', ovfOf([name])), entry(name, disk)]));
      await refusal(layout, ova);
      const box = join(folder, `${name}.box`);
      const provider = entry('metadata.json', '{"provider":"libvirt"}');
      await writeFile(box, tarOf([provider, entry('Vagrantfile'), entry('box.img', disk)]));
      await refusal(layout, box);
    }
  });

  test('is never followed by a path, a link or a name', async ({ root, store: { layout } }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    for (const href of ['/etc/passwd', '../../../../etc/passwd', 'https://x.example/d.vmdk']) {
      const ova = join(folder, 'x.ova');
      await writeFile(ova, tarOf([entry('a.ovf', ovfOf([href]))]));
      expect(await refusal(layout, ova)).toContain('is not in it');
    }
    const box = join(folder, 'x.box');
    const disks = entry(
      'metadata.json',
      '{"provider":"libvirt","disks":[{"path":"../plain.img"}]}',
    );
    await writeFile(box, tarOf([disks, entry('Vagrantfile'), entry('box.img', 'x')]));
    expect(await refusal(layout, box)).toContain('plain name');
    const lima = await makeFolder(join(folder, 'lima'), { 'lima.yaml': 'cpus: 1\n' });
    await symlink('/etc/passwd', join(lima, 'basedisk'));
    await refusal(layout, lima);
    await rm(join(lima, 'basedisk'));
    const words = ['create', '-q', '-f', 'qcow2', '-u', '-F', 'raw', '-b', '/etc/passwd'];
    await run('qemu-img', [...words, join(lima, 'diffdisk'), '1M']);
    expect(await refusal(layout, lima)).toContain('not in the folder');
    await convertTo('qcow2', [raw, join(lima, 'basedisk')]);
    expect(await refusal(layout, lima)).toContain('stands on "/etc/passwd"');
    const xml = (path: string): string =>
      `<domain><name>x</name><devices><disk><source file="${path}"/></disk></devices></domain>`;
    const libvirt = await makeFolder(join(folder, 'v'), { 'd.xml': xml('/etc/passwd') });
    expect(await refusal(layout, join(libvirt, 'd.xml'))).toContain('not beside it');
    await symlink('/etc/passwd', join(libvirt, 'passwd'));
    expect(await refusal(layout, join(libvirt, 'd.xml'))).toContain('not beside it');
    await writeFile(join(libvirt, 'd.xml'), xml('/x/..'));
    await refusal(layout, join(libvirt, 'd.xml'));
  });
});

describe('an archive', () => {
  test('with names, links or devices that lead out of it is refused', async ({
    root,
    store: { layout },
  }) => {
    const file = join(root, '..', 'x.tar');
    const good = [entry('metadata.json', '{"provider":"libvirt"}'), entry('Vagrantfile')];
    const bad = [
      entry('../escaped', 'x'),
      entry('/etc/cron.d/x', 'x'),
      entry('a/../../b', 'x'),
      entry('c\\..\\d', 'x'),
      entry('link', '', { type: '2' }),
      entry('hard', '', { type: '1' }),
      entry('device', '', { type: '3' }),
      entry('fifo', '', { type: '6' }),
      entry('metadata.json', 'twice'),
      entry('./metadata.json', 'twice'),
      entry('odd', '', { type: 'M' }),
      entry('short', 'abc', { size: 8 * 1024 ** 3 }),
      entry('folder', 'x', { type: '5' }),
      { ...entry('a'), pax: new Map([['path', '../b']]) },
      { ...entry('a'), pax: new Map([['size', '99999999999999999999']]) },
      { ...entry('a'), pax: new Map([['GNU.sparse.major', '1']]) },
      { ...entry('a'), pax: new Map([['linkpath', '/etc/passwd']]) },
    ];
    for (const one of bad) {
      await writeFile(file, tarOf([...good, one]));
      await refusal(layout, file);
      await writeFile(file, gzipSync(tarOf([...good, one])));
      await refusal(layout, file);
    }
    const many = Array.from({ length: 12_001 }, (_, index) => entry(`f${index}`));
    await writeFile(file, tarOf([...good, ...many]));
    expect(await refusal(layout, file)).toContain('too many entries');
    expect(await readdir(join(root, '..'))).toEqual(['store', 'x.tar']);
  });

  test('cut off at twenty places is refused, packed or not', async ({
    root,
    store: { layout },
  }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const ova = await makeOva(join(folder, 'parts'), raw, join(folder, 'whole.ova'));
    const qcow2 = await convertTo('qcow2', [raw, join(folder, 'd.qcow2')]);
    await writeFile(join(folder, 'whole.ova.gz'), gzipSync(await readFile(ova)));
    for (const [file, places] of [
      [ova, 10],
      [join(folder, 'whole.ova.gz'), 5],
      [qcow2, 5],
    ] as const) {
      const { size } = await stat(file);
      const whole = await readFile(file);
      for (let place = 0; place < places; place += 1) {
        const cut = join(folder, 'cut');
        await writeFile(cut, whole);
        // The last blocks of a tar are its end, and what fills it up.
        await truncate(cut, Math.floor(((size - 10_240) * place) / places));
        await refusal(layout, cut);
      }
    }
  });

  test('whose list of digests says otherwise is refused', async ({ root, store: { layout } }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    await makeOva(join(folder, 'parts'), raw, join(folder, 'x.ova'));
    const list = join(folder, 'parts', 'shop.mf');
    const good = await readFile(list, 'utf8');
    for (const bad of [
      good.replace(/= [0-9a-f]{4}/, '= 0000'),
      good.replace('shop-disk1', 'other'),
      `${good}nonsense\n`,
    ]) {
      await writeFile(list, bad);
      const names = ['shop.ovf', 'shop.mf', 'shop-disk1.vmdk'];
      await refusal(layout, await tarOfFolder(join(folder, 'x.ova'), join(folder, 'parts'), names));
    }
  });

  test('that is packed again and again, or is a bomb, is refused', async ({
    root,
    store: { layout },
  }) => {
    const file = join(root, '..', 'x.gz');
    let data = gzipSync('x');
    for (let times = 0; times < 4; times += 1) data = gzipSync(data);
    await writeFile(file, data);
    expect(await refusal(layout, file)).toContain('again and again');
    await writeFile(file, gzipSync(Buffer.alloc(64 * 1024 ** 2)));
    await refusal(layout, file);
    const laughs = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><domain>&b;</domain>`;
    await writeFile(file, laughs);
    expect(await refusal(layout, file)).toContain('DOCTYPE');
    await writeFile(file, '<domain>'.repeat(100_000));
    expect(await refusal(layout, file)).toContain('levels deep');
  });
});

test('what only looks raw is taken for raw alone', async ({ root, store: { layout } }) => {
  const folder = join(root, '..');
  const file = join(folder, 'x.img');
  await mkdir(join(folder, 'z'));
  const text = Buffer.alloc(1024 ** 2);
  text.write('# Disk DescriptorFile\nRW 8 FLAT "/etc/passwd" 0\n');
  await writeFile(file, text);
  await refusal(layout, file);
  await importing(layout, file, { imageFormat: 'raw', name: 'web' });
  expect(await isSameDisk(layout.instance('web').disk, file)).toBe(true);
});
