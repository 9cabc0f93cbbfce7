import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { streamArchitecture } from '../../../src/vm/images/architecture.js';
import { expectSoundStore } from '../../support/sound-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { exported, otherStore } from '../travel/support.js';
import {
  convertTo,
  importing,
  isSameDisk,
  makeFolder,
  makeOva,
  makeRaw,
  ociOf,
  sha256,
  tarOfFolder,
} from './support.js';

const MIB = 1024 ** 2;

describe('a disk of another program', () => {
  test('of each format is an instance, and the guest sees the same', async ({
    root,
    store: { layout },
  }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const formats = ['qcow2', 'vmdk', 'vdi', 'vhdx'] as const;
    const names = ['plain'];
    await importing(layout, raw);
    for (const format of formats) {
      const file = await convertTo(format, [raw, join(folder, `disk-${format}.${format}`)]);
      const { report } = await importing(layout, file);
      expect(report).toMatchObject({ name: `disk-${format}`, kind: 'disk', digest: null });
      names.push(report.name);
    }
    for (const name of names) {
      expect(await isSameDisk(layout.instance(name).disk, raw)).toBe(true);
    }
    expect(await expectSoundStore(layout)).toEqual(names.sort());
    expect(await readdir(layout.staging)).toEqual([]);
    const vmdk = readInstance(layout, 'disk-vmdk');
    expect(vmdk.disk.backingFile).toMatch(/^base-[0-9a-f]{32}\.qcow2$/);
  });

  test('comes packed, from a stream, and as a raw disk that looks like none', async ({
    root,
    store: { layout },
  }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const qcow2 = await convertTo('qcow2', [raw, join(folder, 'disk.qcow2')]);
    await writeFile(join(folder, 'gz.qcow2.gz'), gzipSync(await readFile(qcow2)));
    await run('xz', ['-k', '-0', qcow2]);
    await run('zstd', ['-q', '-k', qcow2]);
    await rename(join(folder, 'disk.qcow2.xz'), join(folder, 'x.qcow2.xz'));
    await rename(join(folder, 'disk.qcow2.zst'), join(folder, 'z.qcow2.zst'));
    for (const file of ['gz.qcow2.gz', 'x.qcow2.xz', 'z.qcow2.zst']) {
      const { report } = await importing(layout, join(folder, file));
      expect(report.name).toBe(file.split('.')[0]);
      expect(await isSameDisk(layout.instance(report.name).disk, raw)).toBe(true);
    }
    await importing(layout, createReadStream(qcow2) as AsyncIterable<Uint8Array>, {
      name: 'piped',
    });
    expect(await isSameDisk(layout.instance('piped').disk, raw)).toBe(true);
    const bare = join(folder, 'bare.img');
    await writeFile(bare, Buffer.alloc(MIB, 7));
    await expect(importing(layout, bare)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
    const { report, warnings } = await importing(layout, bare, { imageFormat: 'raw' });
    expect(await isSameDisk(layout.instance(report.name).disk, bare)).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('gets the cpus, memory, user and key that are asked for', async ({
    root,
    store: { layout },
  }) => {
    const raw = await makeRaw(join(root, '..', 'plain.img'));
    const key = join(root, '..', 'key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await importing(layout, raw, {
      ...{ name: 'web', cpus: 2, memory: '512M', user: 'ada' },
      sshKey: await readFile(key),
    });
    const { spec } = readInstance(layout, 'web');
    expect(spec).toMatchObject({ cpus: 2, memory: 512 * MIB, sshUser: 'ada', disk: 8 * MIB });
    expect(await readFile(layout.key(spec.sshKey!), 'utf8')).toBe(await readFile(key, 'utf8'));
    const seed = (await readFile(layout.instance('web').seed)).toString('latin1');
    const [, body = ''] = (await readFile(`${key}.pub`, 'utf8')).split(' ');
    expect(seed).toContain(body);
    expect(seed).toMatch(/- default\s+- name: ada/);
    for (const bad of [{ cpus: 0 }, { memory: '1M' }, { user: '-x' }, { keepIdentity: true }]) {
      await expect(importing(layout, raw, { name: 'no', ...bad })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    await expect(importing(layout, raw, { name: 'web' })).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
    expect(await expectSoundStore(layout)).toEqual(['web']);
  });

  test.runIf(streamArchitecture() === 'amd64')(
    'that starts with EFI alone is said not to boot',
    async ({ root, store: { layout } }) => {
      const raw = await makeRaw(join(root, '..', 'efi.img'));
      const start = Buffer.alloc(4096);
      start.writeUInt16BE(0x55aa, 510);
      start.write('EFI PART', 512);
      start.writeBigUInt64LE(2n, 512 + 72);
      start.writeUInt32LE(4, 512 + 80);
      start.writeUInt32LE(128, 512 + 84);
      start.write('28732ac11ff8d211ba4b00a0c93ec93b', 1024, 'hex');
      const disk = await readFile(raw);
      start.copy(disk);
      await writeFile(raw, disk);
      const { report, warnings } = await importing(layout, raw);
      const wanted =
        'its disk starts with EFI alone, and its machine has a BIOS here: it will not boot';
      expect(warnings).toEqual([wanted]);
      expect(report.losses.check).toContain(wanted);
    },
  );
});

describe('a machine of another program', () => {
  test('is an OVA, with its processors and memory', async ({ root, store: { layout } }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const ova = await makeOva(join(folder, 'parts'), raw, join(folder, 'shop.ova'));
    const { report } = await importing(layout, ova);
    expect(report).toMatchObject({ name: 'shop-co', original: 'shop & co', kind: 'ova' });
    expect(report.losses.kept).toEqual(
      expect.arrayContaining([
        { what: 'cpus', value: '2' },
        { what: 'memory', value: '768.0MiB' },
      ]),
    );
    expect(report.losses.changed).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: 'network card', from: 'VmxNet3', to: 'virtio-net' }),
        expect.objectContaining({ what: 'disk', from: 'vmdk', to: 'qcow2' }),
      ]),
    );
    expect(await isSameDisk(layout.instance('shop-co').disk, raw)).toBe(true);
    expect(readInstance(layout, 'shop-co').spec).toMatchObject({ cpus: 2, memory: 768 * MIB });
    // The same unpacked, by its description and as a folder.
    await importing(layout, join(folder, 'parts', 'shop.ovf'), { name: 'two' });
    await importing(layout, join(folder, 'parts'), { name: 'three', memory: '1G', cpus: 1 });
    expect(readInstance(layout, 'three').spec).toMatchObject({ cpus: 1, memory: 1024 * MIB });
    expect(await expectSoundStore(layout)).toEqual(['shop-co', 'three', 'two']);
  });

  test('is a box of Vagrant, for libvirt with holes and for virtualbox', async ({
    root,
    store: { layout },
  }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const box = await makeFolder(join(folder, 'box'), {
      'metadata.json': '{"provider":"libvirt","format":"qcow2","virtual_size":1}',
      Vagrantfile: 'Vagrant.configure("2") { }',
    });
    await convertTo('qcow2', [raw, join(box, 'box.img')]);
    const names = ['metadata.json', 'Vagrantfile', 'box.img'];
    const sparse = ['-S', '--format=gnu', '-z'];
    const libvirt = await tarOfFolder(join(folder, 'noble.box'), box, names, sparse);
    const one = await importing(layout, libvirt);
    expect(one.report).toMatchObject({ name: 'noble', kind: 'vagrant' });
    expect(await isSameDisk(layout.instance('noble').disk, raw)).toBe(true);
    expect(readInstance(layout, 'noble').spec.sshUser).toBe('vagrant');
    await makeOva(join(folder, 'parts'), raw, join(folder, 'x.ova'));
    await writeFile(join(folder, 'parts', 'metadata.json'), '{"provider":"virtualbox"}');
    const virtualbox = await tarOfFolder(join(folder, 'v.box'), join(folder, 'parts'), [
      './metadata.json',
      './shop.ovf',
      './shop-disk1.vmdk',
    ]);
    const two = await importing(layout, virtualbox, { name: 'two' });
    expect(two.report.kind).toBe('vagrant');
    expect(two.report.losses.check.join()).toContain('no list of digests');
    expect(await isSameDisk(layout.instance('two').disk, raw)).toBe(true);
  });

  test('is an image of Incus in one archive and in two, or a backup', async ({
    root,
    store: { layout },
  }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const metadata =
      'architecture: x86_64\ncreation_date: 1\nproperties:\n  os: Debian\n  release: bookworm\n  name: deb\n';
    const image = await makeFolder(join(folder, 'image'), { 'metadata.yaml': metadata });
    await convertTo('qcow2', [raw, join(image, 'rootfs.img')]);
    const unified = await tarOfFolder(join(folder, 'u.tar.gz'), image, ['.'], ['-z']);
    await importing(layout, unified);
    expect(readInstance(layout, 'deb').image).toMatchObject({
      ...{ os: 'Debian', release: 'bookworm' },
    });
    const split = join(folder, 'split');
    await mkdir(split);
    await tarOfFolder(join(split, 'metadata.tar.xz'), image, ['metadata.yaml'], ['-J']);
    await copyFile(join(image, 'rootfs.img'), join(split, 'disk.qcow2'));
    const { report } = await importing(layout, split, { name: 'split' });
    expect(report.kind).toBe('incus');
    const backup = await makeFolder(join(folder, 'b'), {
      'backup/index.yaml':
        'name: old\nconfig:\n  instance:\n    architecture: x86_64\n    config:\n      limits.cpu: "3"\n      limits.memory: 2GiB\n    devices:\n      eth9: {type: nic}\n',
      'backup/virtual-machine.img': await readFile(raw),
    });
    const tar = await tarOfFolder(join(folder, 'old.tar.gz'), backup, ['backup'], ['-z']);
    const old = await importing(layout, tar);
    expect(old.report).toMatchObject({ name: 'old', kind: 'incus-backup' });
    expect(old.report.losses.lost).toEqual([
      expect.objectContaining({ what: 'device', value: 'eth9' }),
    ]);
    expect(readInstance(layout, 'old').spec).toMatchObject({ cpus: 3, memory: 2048 * MIB });
    for (const name of ['deb', 'split', 'old']) {
      expect(await isSameDisk(layout.instance(name).disk, raw)).toBe(true);
    }
  });

  test('is the folder of a Lima instance, with the disk below its own', async ({
    root,
    store: { layout },
  }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const lima = await makeFolder(join(folder, 'default'), {
      'lima.yaml': 'cpus: 3\nmemory: "1.5GiB"\nmounts:\n- location: "~/work"\nuser:\n  name: ada\n',
      'cidata.iso': 'x',
    });
    await convertTo('qcow2', [raw, join(lima, 'basedisk')]);
    const words = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', join(lima, 'basedisk')];
    await run('qemu-img', [...words, join(lima, 'diffdisk'), '16M']);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 4M 64k', join(lima, 'diffdisk')]);
    await run('qemu-img', ['snapshot', '-c', 'mine', join(lima, 'diffdisk')]);
    const whole = join(folder, 'whole.img');
    await run('qemu-img', ['convert', '-O', 'raw', join(lima, 'diffdisk'), whole]);
    const { report } = await importing(layout, lima);
    expect(report).toMatchObject({ name: 'default', kind: 'lima' });
    expect(report.losses.lost.map(({ what }) => what).sort()).toEqual(['mount', 'snapshots']);
    const { spec, disk } = readInstance(layout, 'default');
    expect(spec).toMatchObject({ cpus: 3, memory: 1536 * MIB, disk: 16 * MIB });
    expect(disk.snapshots).toEqual([]);
    expect(await isSameDisk(layout.instance('default').disk, whole)).toBe(true);
    expect(await expectSoundStore(layout)).toEqual(['default']);
  });

  test('is a domain of libvirt, whose disk lies beside its XML', async ({
    root,
    store: { layout },
  }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const xml = `<domain type='kvm' id='3'><name>db</name><memory unit='KiB'>1048576</memory><vcpu placement='static'>2</vcpu>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/db.qcow2'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><source file='/x/seed.iso'/></disk>
<interface type='network'><mac address='52:54:00:aa:bb:cc'/><model type='e1000'/></interface>
<filesystem type='mount'><source dir='/srv/data'/><target dir='data'/></filesystem></devices></domain>`;
    const dir = await makeFolder(join(folder, 'libvirt'), { 'db.xml': xml });
    await expect(importing(layout, join(dir, 'db.xml'))).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
      hint: 'Copy that disk into the folder of the XML: paths in it are not followed.',
    });
    await convertTo('qcow2', [raw, join(dir, 'db.qcow2')]);
    const { report } = await importing(layout, join(dir, 'db.xml'));
    expect(report).toMatchObject({ name: 'db', kind: 'libvirt' });
    expect(report.losses.lost).toEqual([
      { what: 'mount', value: '/srv/data', instead: '`multipass mount` of that folder' },
    ]);
    expect(readInstance(layout, 'db').spec).toMatchObject({ cpus: 2, memory: 1024 * MIB });
    expect(await isSameDisk(layout.instance('db').disk, raw)).toBe(true);
  });

  test('is a containerDisk, or what KubeVirt exports', async ({ root, store: { layout } }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const layer = await makeFolder(join(folder, 'layer'), { 'disk/x': '' });
    await run('rm', [join(layer, 'disk', 'x')]);
    await convertTo('qcow2', [raw, join(layer, 'disk', 'disk.qcow2')]);
    await tarOfFolder(join(folder, 'layer.tar.gz'), layer, ['disk'], ['-z']);
    const blob = await readFile(join(folder, 'layer.tar.gz'));
    const type = 'application/vnd.oci.image.layer.v1.tar+gzip';
    const oci = await ociOf(join(folder, 'oci'), { blob, type });
    await tarOfFolder(join(folder, 'cd.tar'), oci, ['oci-layout', 'blobs', 'index.json']);
    const { report } = await importing(layout, join(folder, 'cd.tar'));
    expect(report).toMatchObject({ name: 'cd', kind: 'containerdisk' });
    await run('zstd', ['-q', '-k', raw]);
    const disk = await readFile(`${raw}.zst`);
    const kubevirt = await ociOf(join(folder, 'kv'), {
      ...{ blob: disk, type: 'application/vnd.kubevirt.disk.raw+zstd' },
    });
    expect((await importing(layout, kubevirt)).report).toMatchObject({ kind: 'kubevirt' });
    for (const name of ['cd', 'kv']) {
      expect(await isSameDisk(layout.instance(name).disk, raw)).toBe(true);
    }
    await writeFile(join(oci, 'blobs', 'sha256', sha256(blob)), gzipSync('something else'));
    await expect(importing(layout, oci, { name: 'no' })).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
    });
  });
});

describe('an archive of ours', () => {
  test('is still what it was, packed or not', async ({ root, store }) => {
    await makeInstance(store.layout, 'web');
    const { archive } = await exported(store.layout, 'web');
    const other = await otherStore(root);
    const file = join(root, '..', 'web.tar.gz');
    await writeFile(file, gzipSync(archive));
    const { report } = await importing(other, file);
    expect(report).toMatchObject({ name: 'web', kind: 'instance', losses: { kept: [] } });
    await expect(importing(other, file, { name: 'b', cpus: 2 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await expectSoundStore(other)).toEqual(['web']);
  });
});
