import { lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecord } from '../../../src/files/record.js';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { readSnapshots } from '../../../src/vm/read-snapshots.js';
import { storePublicKey } from '../../../src/vm/guest/store-key.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { newSeed } from '../../../src/vm/seed/new-seed.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { decodeSpec } from '../../../src/vm/records/spec.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { handMadeMac, makeInstance, specOf, test } from '../../support/store-fixture.js';
import { areSame, exported, imported, otherStore } from './support.js';

describe('an instance that travels', () => {
  test('comes as a copy, with its disks and a new identity', async ({ root, store }) => {
    const { layout } = store;
    const spec = specOf({
      interfaces: [
        { mac: handMadeMac(), network: null, auto: true },
        { mac: handMadeMac(), network: 'br0', auto: true },
      ],
    });
    const source = await makeInstance(layout, 'web', { thin: true, spec });
    const { archive, report } = await exported(layout, 'web');
    const other = await otherStore(root);
    const { report: arrived } = await imported(other, archive);
    expect(arrived).toMatchObject({ name: 'web', original: 'web', digest: report.digest });
    const copy = readInstance(other, 'web');
    expect(await areSame(source.disk, copy.dir.disk)).toBe(true);
    expect(await areSame(source.file('base-image.qcow2'), copy.dir.file('base-image.qcow2'))).toBe(
      true,
    );
    expect((await lstat(copy.dir.file('base-image.qcow2'))).mode & 0o777).toBe(0o444);
    expect(copy.spec.uuid).not.toBe(spec.uuid);
    expect(copy.spec.vmgenid).not.toBe(spec.vmgenid);
    const text = archive.toString('latin1');
    for (const { mac } of spec.interfaces) {
      expect(text).not.toContain(mac.toString());
      expect(copy.spec.interfaces.some((one) => one.mac.equals(mac))).toBe(false);
    }
    expect(text).not.toContain(spec.uuid);
    expect(text).not.toContain(layout.root);
    const files = readSeed(copy.dir.seed)!;
    const network = files.find(({ name }) => name === 'network-config')!.data.toString();
    for (const { mac } of copy.spec.interfaces) expect(network).toContain(mac.toString());
    expect(network).not.toContain('02:00:00');
    expect((await readdir(other.staging)).length).toBe(0);
  });

  test('has its snapshots, and their states', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { tags: 2, spec: { snapshotHead: 2 } });
    await makeSnapshots(source);
    const other = await otherStore(root);
    await imported(other, (await exported(layout, 'web')).archive, { name: 'copy' });
    const copy = readInstance(other, 'copy');
    const records = readSnapshots(copy.dir, undefined);
    expect(records.map(({ name, parent, comment }) => [name, parent, comment])).toEqual([
      ['first', 0, 'a comment'],
      ['second', 1, 'a comment'],
    ]);
    expect(copy.spec.snapshotHead).toBe(2);
    expect(records[0]!.interfaces[0]!.mac.equals(copy.spec.interfaces[0].mac)).toBe(true);
    expect(copy.disk.snapshots.map(({ name }) => name)).toEqual(['@s1', '@s2']);
    expect(await areSame(source.disk, copy.dir.disk)).toBe(true);
  });

  test('goes as the state of one snapshot, or flat', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { tags: 1, thin: true });
    await makeSnapshots(source);
    const other = await otherStore(root);
    const { archive, report } = await exported(layout, 'web', { snapshot: 'first' });
    expect(report.snapshot).toBe('first');
    await imported(other, archive, { name: 'then' });
    const then = readInstance(other, 'then');
    expect(then.disk.snapshots).toEqual([]);
    expect(readSnapshots(then.dir, undefined)).toEqual([]);
    await run('qemu-img', ['snapshot', '-a', '@s1', source.disk]);
    await run('qemu-img', ['compare', '-q', source.disk, then.dir.disk]);
    await imported(other, (await exported(layout, 'web', { flat: true })).archive, {
      name: 'flat',
    });
    const flat = readInstance(other, 'flat');
    expect(flat.disk.backingFile).toBeNull();
    await run('qemu-img', ['compare', '-q', source.disk, flat.dir.disk]);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('moves with its identity, and nobody has it twice', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { spec: { sshKey: 'id_ed25519' } });
    await storePublicKey(layout);
    const { archive, report } = await exported(layout, 'web', { keepIdentity: true });
    expect(report).toMatchObject({ keepsIdentity: true, hasKey: true });
    const other = await otherStore(root);
    await imported(other, archive, { keepIdentity: true });
    const moved = readInstance(other, 'web');
    const was = readInstance(layout, 'web');
    expect(moved.spec).toEqual({ ...was.spec, sshKey: moved.spec.sshKey });
    expect(await readFile(other.key(moved.spec.sshKey!), 'utf8')).toBe(
      await readFile(layout.key('id_ed25519'), 'utf8'),
    );
    expect(readSeed(moved.dir.seed)).toEqual(readSeed(source.seed));
    await expect(
      imported(other, archive, { keepIdentity: true, name: 'again' }),
    ).rejects.toMatchObject({
      code: 'IDENTITY_TAKEN',
    });
    await expect(
      imported(layout, archive, { keepIdentity: true, name: 'again' }),
    ).rejects.toMatchObject({
      code: 'IDENTITY_TAKEN',
    });
    expect((await readdir(other.instances)).sort()).toEqual(['web']);
    expect((await readdir(other.macs)).length).toBe(1);
    await imported(other, archive, { name: 'copy' });
    expect(readInstance(other, 'copy').spec.uuid).not.toBe(was.spec.uuid);
  });

  test('lets the key of its new store in, and no other', async ({ root, store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { spec: { sshKey: 'id_ed25519' } });
    const publicKey = await storePublicKey(layout);
    const { spec } = readInstance(layout, 'web');
    const seed = newSeed({
      hostname: 'web',
      instanceId: spec.uuid,
      interfaces: spec.interfaces,
      publicKey,
      userData: Buffer.from('#cloud-config\nssh_authorized_keys:\n  - ssh-rsa AAAAmine me\n'),
      timezone: 'UTC',
    });
    await writeFile(source.seed, seed);
    const { archive } = await exported(layout, 'web');
    const [, old = ''] = publicKey.split(' ');
    expect(archive.toString('latin1')).not.toContain(old);
    const other = await otherStore(root);
    const { warnings } = await imported(other, archive);
    expect(warnings).toEqual([]);
    const [, own = ''] = (await storePublicKey(other)).split(' ');
    const arrived = readInstance(other, 'web');
    expect(arrived.spec.sshKey).toBe('id_ed25519');
    const textOf = (name: string): string =>
      readSeed(arrived.dir.seed)!
        .find((file) => file.name === name)!
        .data.toString();
    for (const document of ['user-data', 'vendor-data']) expect(textOf(document)).toContain(own);
    expect(textOf('user-data')).toContain('ssh-rsa AAAAmine me');
  });

  test('stands on a base that is there already, and needs it when that stayed at home', async ({
    root,
    store,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { thin: true });
    const whole = await exported(layout, 'web');
    const thin = await exported(layout, 'web', { keepBase: true });
    expect(thin.archive.length).toBeLessThan(whole.archive.length);
    const other = await otherStore(root);
    await expect(imported(other, thin.archive)).rejects.toMatchObject({ code: 'BASE_NOT_FOUND' });
    expect(await readdir(other.staging)).toEqual([]);
    await imported(other, whole.archive, { name: 'one' });
    const { report } = await imported(other, thin.archive, { name: 'two' });
    const { report: third } = await imported(other, whole.archive, { name: 'three' });
    const base = 'base-image.qcow2';
    const { size } = await lstat(other.instance('one').file(base));
    expect([report.bytesShared, third.bytesShared]).toEqual([size, size]);
    const inodes = await Promise.all(
      ['one', 'two', 'three'].map(
        async (name) => (await lstat(other.instance(name).file(base))).ino,
      ),
    );
    expect(new Set(inodes).size).toBe(1);
    await run('qemu-img', [
      'compare',
      '-q',
      layout.instance('web').disk,
      other.instance('two').disk,
    ]);
  });

  test.for(['gzip', 'none', 'zstd'] as const)(
    'is compressed with %s',
    async (compression, { root, store }) => {
      const { layout } = store;
      const source = await makeInstance(layout, 'web');
      const { archive, report } = await exported(layout, 'web', { compression });
      expect(report.compression).toBe(compression);
      const other = await otherStore(root);
      const path = join(root, '..', 'web.tar');
      await writeFile(path, archive);
      await run('tar', ['tf', path]);
      await imported(other, archive);
      expect(await areSame(source.disk, other.instance('web').disk)).toBe(true);
    },
  );

  test('tells what stays, and says nothing of the host', async ({ root, store }) => {
    const { layout } = store;
    const mount = {
      source: '/home/u/site',
      target: '/srv',
      type: 'classic' as const,
      uidMappings: [],
      gidMappings: [],
    };
    const source = await makeInstance(layout, 'web', { spec: { mounts: [mount] } });
    await writeFile(source.file('notes.txt'), 'mine');
    const { archive, warnings } = await exported(layout, 'web');
    expect(warnings).toEqual(['"notes.txt" in its folder stays here']);
    const other = await otherStore(root);
    const { report } = await imported(other, archive);
    expect(report.mounts.map(({ target }) => target)).toEqual(['/srv']);
    expect(readInstance(other, 'web').spec.mounts).toEqual([]);
  });
});

/** Records of what `@s1` and `@s2` of its disk are. */
async function makeSnapshots(source: InstanceDir): Promise<void> {
  const { interfaces } = decodeSpec(readRecord(source.spec));
  const names = ['first', 'second'].slice(0, readQcow2(source.disk).snapshots.length);
  for (const [index, name] of names.entries()) {
    await writeSnapshot(
      source,
      snapshotRecord(index + 1, { name, comment: 'a comment', interfaces }),
    );
  }
}
