import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { canOpen, KVM_DEVICE } from '../../../src/qemu/accelerator.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { readIso } from '../../../src/vm/seed/iso9660-reader.js';
import { handOver } from '../../../src/vm/outward/hand-over.js';
import { ENGINES, type Engine } from '../../../src/vm/outward/hand-over-request.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { parseGuestYaml } from '../../../src/yaml.js';
import { hashTree } from '../../support/hash-tree.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { importing } from '../foreign/support.js';

const MOUNT = {
  ...{ source: '/home/me/site', target: '/srv', type: 'classic' as const },
  ...{ uidMappings: [], gidMappings: [] },
};

async function handedOver(layout: StoreLayout, engine: Engine, folder: string) {
  return await handOver({ layout, name: 'web', engine, folder });
}

describe('an instance that is handed over', () => {
  test('is files in a new folder, and stays what it was', async ({ root, store: { layout } }) => {
    const source = await makeInstance(layout, 'web', {
      ...{ thin: true, tags: 1, spec: { mounts: [MOUNT], sshKey: 'id_ed25519' } },
    });
    await writeFile(layout.key('id_ed25519'), 'PRIVATE-HALF');
    const before = await hashTree(source.path);
    for (const engine of ENGINES) {
      const folder = join(root, '..', engine);
      const report = await handedOver(layout, engine, folder);
      expect((await readdir(folder)).sort()).toEqual([...report.artifacts].sort());
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
      expect(report.commands.length).toBeGreaterThan(0);
      expect(report.losses.lost.map(({ what }) => what)).toEqual(expect.arrayContaining(['mount']));
      expect(report.losses.check.join('\n')).toContain(layout.key('id_ed25519'));
      for (const file of report.artifacts) {
        expect((await readFile(join(folder, file))).includes('PRIVATE-HALF')).toBe(false);
      }
      await expect(handedOver(layout, engine, folder)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    expect(await hashTree(source.path)).toEqual(before);
    expect(await readdir(layout.staging)).toEqual([]);
    expect((await readdir(join(root, '..'))).sort()).toEqual([...ENGINES, 'store'].sort());
  });

  test('leaves nothing when it is running, unknown or interrupted', async ({
    root,
    store: { layout },
  }) => {
    await makeInstance(layout, 'web');
    const folder = join(root, '..', 'out');
    const controller = new AbortController();
    const work = { signal: controller.signal, onProgress: () => controller.abort() };
    await expect(
      handOver({ layout, name: 'web', engine: 'libvirt', folder, work }),
    ).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(
      handOver({ layout, name: 'web', engine: 'ova', folder, snapshot: 'no' }),
    ).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
    await writeFile(folder, 'a file');
    await expect(handedOver(layout, 'incus', folder)).rejects.toThrow();
    expect(await readFile(folder, 'utf8')).toBe('a file');
    expect((await readdir(join(root, '..'))).sort()).toEqual(['out', 'store']);
  });
});

describe('for libvirt', () => {
  test('it is a domain that libvirt takes, and is the same machine', async ({
    root,
    store: { layout },
  }) => {
    const source = await makeInstance(layout, 'web', { tags: 1 });
    const folder = join(root, '..', "a folder & it's files");
    await handedOver(layout, 'libvirt', folder);
    const xml = join(folder, 'web.xml');
    await run('virt-xml-validate', [xml, 'domain']);
    const text = await readFile(xml, 'utf8');
    const bad = join(root, '..', 'bad.xml');
    await writeFile(bad, text.replace('<vcpu>', '<vcpu><x/>'));
    await expect(run('virt-xml-validate', [bad, 'domain'])).rejects.toThrow();
    const { spec } = readInstance(layout, 'web');
    for (const part of [spec.uuid, spec.vmgenid, spec.interfaces[0].mac.toString()]) {
      expect(text).toContain(part);
    }
    const seeds = [join(folder, 'seed.iso'), source.seed];
    const [one, other] = await Promise.all(seeds.map(async (path) => await readFile(path)));
    expect(readIso(one!, 'one').files).toEqual(readIso(other!, 'other').files);
    const compared = await run('qemu-img', ['compare', source.disk, join(folder, 'disk.qcow2')]);
    expect(compared.stdout).toContain('identical');
    // And back: of the paths in it, the name of the file is taken.
    const back = new StoreLayout(join(root, '..', 'back'));
    await initialiseStore(back);
    const { report } = await importing(back, xml);
    expect(report).toMatchObject({ name: 'web', kind: 'libvirt' });
    expect(readInstance(back, 'web').spec).toMatchObject({ cpus: spec.cpus, memory: spec.memory });
  });

  test('it runs on what runs guests here, or on what the user wants', async ({
    root,
    store: { layout },
  }) => {
    await makeInstance(layout, 'web');
    const written = async (folder: string) => {
      const target = join(root, '..', folder);
      const { losses } = await handedOver(layout, 'libvirt', target);
      const text = await readFile(join(target, 'web.xml'), 'utf8');
      const [, type] = /^<domain type="([a-z]+)">/.exec(text) ?? [];
      return { type, isTold: losses.check.join('\n').includes('type="kvm"') };
    };
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    await writeFile(layout.acceleratorFile, JSON.stringify({ boot, works: false }));
    expect(await written('none')).toEqual({ type: 'qemu', isTold: true });
    await writeFile(layout.acceleratorFile, JSON.stringify({ boot, works: true }));
    const works = await canOpen(KVM_DEVICE);
    expect(await written('works')).toEqual({ type: works ? 'kvm' : 'qemu', isTold: !works });
    await writeFile(layout.settingsFile, JSON.stringify({ 'local.accelerator': 'tcg' }));
    expect(await written('unwanted')).toEqual({ type: 'qemu', isTold: true });
    await writeFile(layout.settingsFile, JSON.stringify({ 'local.accelerator': 'kvm' }));
    await writeFile(layout.acceleratorFile, JSON.stringify({ boot, works: false }));
    expect(await written('wanted')).toEqual({ type: 'kvm', isTold: false });
  });
});

describe('for Incus', () => {
  test('it is an image of two files, and a configuration', async ({ root, store: { layout } }) => {
    await makeInstance(layout, 'web');
    const folder = join(root, '..', 'incus');
    await handedOver(layout, 'incus', folder);
    const config = parseGuestYaml(await readFile(join(folder, 'web.yaml'), 'utf8'));
    const { spec } = readInstance(layout, 'web');
    const at = (...path: string[]): unknown => config.getIn(path);
    expect(at('config', 'limits.cpu')).toBe(String(spec.cpus));
    expect(at('config', 'limits.memory')).toBe(`${spec.memory / 1024 ** 2}MiB`);
    expect(at('devices', 'eth0', 'hwaddr')).toBe(spec.interfaces[0].mac.toString());
    const listed = await run('tar', ['tf', join(folder, 'metadata.tar')]);
    expect(listed).toMatchObject({ stdout: 'metadata.yaml', stderr: '' });
    const { report } = await importing(layout, folder, { name: 'back' });
    expect(report.kind).toBe('incus');
  });
});

describe('for KubeVirt', () => {
  test('it is objects whose parts name each other, and a Containerfile', async ({
    root,
    store: { layout },
  }) => {
    await makeInstance(layout, 'Web2');
    const folder = join(root, '..', 'kubevirt');
    const { commands } = await handOver({ layout, name: 'Web2', engine: 'kubevirt', folder });
    const text = await readFile(join(folder, 'Web2.yaml'), 'utf8');
    const [secret, machine] = text.split('---\n').map((one) => parseGuestYaml(one));
    const { spec } = readInstance(layout, 'Web2');
    const inGuest = ['spec', 'template', 'spec'];
    expect(machine!.getIn(['metadata', 'name'])).toBe('web2');
    expect(machine!.getIn([...inGuest, 'domain', 'firmware', 'uuid'])).toBe(spec.uuid);
    expect(machine!.getIn([...inGuest, 'domain', 'memory', 'guest'])).toBe(
      `${spec.memory / 1024 ** 2}Mi`,
    );
    const volumes = [...inGuest, 'volumes'];
    expect(machine!.getIn([...volumes, 0, 'dataVolume', 'name'])).toBe(
      machine!.getIn(['spec', 'dataVolumeTemplates', 0, 'metadata', 'name']),
    );
    expect(machine!.getIn([...volumes, 1, 'cloudInitNoCloud', 'secretRef', 'name'])).toBe(
      secret!.getIn(['metadata', 'name']),
    );
    expect(Buffer.from(String(secret!.getIn(['data', 'userdata'])), 'base64').toString()).toMatch(
      /^#cloud-config/,
    );
    expect(await readFile(join(folder, 'Containerfile'), 'utf8')).toContain('107:107 disk.qcow2');
    expect(commands.at(-1)).toBe('virtctl start web2');
  });
});

describe('as an OVA', () => {
  test('it is an archive with digests, which comes back', async ({ root, store: { layout } }) => {
    const source = await makeInstance(layout, 'web');
    const folder = join(root, '..', 'ova');
    await handedOver(layout, 'ova', folder);
    const ova = join(folder, 'web.ova');
    const parts = join(root, '..', 'parts');
    await mkdir(parts);
    const listed = await run('tar', ['-xvf', ova, '-C', parts]);
    expect(listed.stdout.split('\n')).toEqual([
      ...['web.ovf', 'web.mf', 'web-disk1.vmdk', 'web-seed.iso'],
    ]);
    const sums = (await readFile(join(parts, 'web.mf'), 'utf8')).replace(
      /^SHA256\((.*)\)= (.*)$/gm,
      '$2  $1',
    );
    await writeFile(join(parts, 'sums'), sums);
    await run('sha256sum', ['--check', '--quiet', 'sums'], { cwd: parts });
    await run('xmllint', ['--noout', join(parts, 'web.ovf')]);
    const { files } = readIso(await readFile(join(parts, 'web-seed.iso')), 'seed');
    expect(files.map(({ name }) => name)).not.toContain('network-config');
    const { spec } = readInstance(layout, 'web');
    const metaData = files.find(({ name }) => name === 'meta-data')!.data.toString();
    expect(metaData).not.toContain(spec.uuid);
    const { report } = await importing(layout, ova, { name: 'back' });
    expect(report.losses.kept).toContainEqual({ what: 'cpus', value: String(spec.cpus) });
    const back = layout.instance('back').disk;
    const compared = await run('qemu-img', ['compare', source.disk, back]);
    expect(compared.stdout).toContain('identical');
  });
});
