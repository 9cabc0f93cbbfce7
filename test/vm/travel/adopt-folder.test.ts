import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { ErrorCode } from '../../../src/errors.js';
import { initialiseStore } from '../../../src/store/format.js';
import { recordText } from '../../../src/files/record.js';
import { encodePending } from '../../../src/vm/records/pending-record.js';
import { InstanceDir } from '../../../src/store/instance-dir.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { purgeInstance } from '../../../src/vm/delete-instance.js';
import { storePublicKey } from '../../../src/vm/guest/store-key.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { newSeed } from '../../../src/vm/seed/new-seed.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { readSnapshots } from '../../../src/vm/read-snapshots.js';
import { hashTree } from '../../support/hash-tree.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { expectSoundStore } from '../../support/sound-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { importing, isSameDisk, makeRaw } from '../foreign/support.js';
import { areSame, otherStore } from './support.js';

/** A copy of an instance's folder, as `cp -a` makes it. */
async function copyOf(dir: InstanceDir, name = dir.name): Promise<InstanceDir> {
  const place = join(dir.path, '..', '..', '..', 'backup');
  await mkdir(place, { recursive: true });
  const copy = new InstanceDir(join(place, name));
  await run('cp', ['-a', dir.path, copy.path]);
  return copy;
}

/** A seed as the store writes it, with the key of the store in it. */
async function seedFor(layout: StoreLayout, name: string): Promise<void> {
  const { dir, spec } = readInstance(layout, name);
  const seed = newSeed({
    hostname: name,
    instanceId: spec.uuid,
    interfaces: spec.interfaces,
    publicKey: await storePublicKey(layout),
    userData: null,
    timezone: 'UTC',
  });
  await writeFile(dir.seed, seed);
}

function seedText(dir: InstanceDir): string {
  return readSeed(dir.seed)!
    .map(({ data }) => data.toString())
    .join('\n');
}

describe('a folder of ours outside of the store', () => {
  test('comes in by copy, beside its original, with an identity of its own', async ({ store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { thin: true, tags: 1 });
    const { interfaces, uuid } = readInstance(layout, 'web').spec;
    await writeSnapshot(source, snapshotRecord(1, { interfaces }));
    const copy = await copyOf(source);
    await writeFile(copy.file('notes.txt'), 'mine');
    const before = await hashTree(copy.path);
    const { report, warnings } = await importing(layout, copy.path, { name: 'web-2' });
    expect(report).toMatchObject({ name: 'web-2', original: 'web', kind: 'folder', digest: null });
    expect(warnings.join()).toContain('not taken: "notes.txt"');
    expect(await hashTree(copy.path)).toEqual(before);
    const made = readInstance(layout, 'web-2');
    expect(made.spec.uuid).not.toBe(uuid);
    const mac = made.spec.interfaces[0].mac.toString();
    expect(mac).not.toBe(interfaces[0].mac.toString());
    expect(readSnapshots(made.dir, undefined)[0]!.interfaces[0]!.mac.toString()).toBe(mac);
    expect(seedText(made.dir)).toContain(mac);
    expect(seedText(made.dir)).toContain(made.spec.uuid);
    expect(seedText(made.dir)).not.toContain(interfaces[0].mac.toString());
    expect(await areSame(source.disk, made.dir.disk)).toBe(true);
    expect(await readdir(made.dir.path)).not.toContain('notes.txt');
    // The store has its base already.
    const base = 'base-image.qcow2';
    expect((await lstat(made.dir.file(base))).ino).toBe((await lstat(source.file(base))).ino);
    expect(report.bytesShared).toBe((await lstat(source.file(base))).size);
    expect(await expectSoundStore(layout)).toEqual(['web', 'web-2']);
  });

  test('of another store lets the key of this one in', async ({ root, store: { layout } }) => {
    const source = await makeInstance(layout, 'web', {
      thin: true,
      spec: { sshKey: 'id_ed25519', mounts: [] },
    });
    await seedFor(layout, 'web');
    const copy = await copyOf(source);
    const other = await otherStore(root);
    const { report } = await importing(other, copy.path);
    expect(report).toMatchObject({ name: 'web', bytesShared: 0 });
    const made = readInstance(other, 'web');
    expect(made.spec.sshKey).toBe('id_ed25519');
    const key = (await storePublicKey(other)).split(' ')[1]!;
    expect(seedText(made.dir)).toContain(key);
    expect(seedText(made.dir)).not.toContain((await storePublicKey(layout)).split(' ')[1]!);
    expect((await lstat(made.dir.file('base-image.qcow2'))).mode & 0o777).toBe(0o444);
    expect((await lstat(made.dir.disk)).mode & 0o777).toBe(0o600);
    expect(await expectSoundStore(other)).toEqual(['web']);
  });

  test('is the instance that it was, where that is gone', async ({ store }) => {
    const { layout } = store;
    await storePublicKey(layout);
    const source = await makeInstance(layout, 'web', { spec: { sshKey: 'id_ed25519' } });
    await seedFor(layout, 'web');
    const was = readInstance(layout, 'web');
    const copy = await copyOf(source);
    const again = (): Promise<unknown> =>
      importing(layout, copy.path, { name: 'again', keepIdentity: true });
    await expectRefusal(store, again, 'IDENTITY_TAKEN');
    await purgeInstance(layout, 'web');
    const { warnings } = await importing(layout, copy.path, { keepIdentity: true });
    expect(warnings).toEqual([]);
    const made = readInstance(layout, 'web');
    expect(made.spec).toEqual(was.spec);
    expect(await readFile(made.dir.seed)).toEqual(await readFile(copy.seed));
    expect(await expectSoundStore(layout)).toEqual(['web']);
  });

  test('of which only the disk is left is a disk', async ({ root, store: { layout } }) => {
    const raw = await makeRaw(join(root, '..', 'plain.img'));
    const { report } = await importing(layout, raw);
    expect(report.kind).toBe('disk');
    expect(await isSameDisk(layout.instance('plain').disk, raw)).toBe(true);
  });

  test.runIf(canLoopMount)('shares extents with the copy where it can', async () => {
    await withLoopMount('xfs', 320, async (folder) => {
      const layout = new StoreLayout(join(folder, 'a', 'store'));
      await mkdir(join(folder, 'a'));
      await initialiseStore(layout);
      const copy = await copyOf(await makeInstance(layout, 'web', { data: 8 }));
      await importing(layout, copy.path, { name: 'web-2' });
      const { stdout } = await run('filefrag', ['-v', layout.instance('web-2').disk]);
      expect(stdout).toContain('shared');
    });
  });
});

/** What is done to a copy, and what is said of it. */
const HOSTILE: readonly (readonly [
  string,
  (copy: InstanceDir, root: string) => Promise<unknown>,
  ErrorCode,
  RegExp,
])[] = [
  [
    'a disk that is a link',
    async ({ disk }) => {
      await rm(disk);
      await symlink('/etc/passwd', disk);
    },
    'ARTIFACT_INVALID',
    /its "disk.qcow2" is a symbolic link/,
  ],
  [
    'a spec that is a link',
    async ({ spec, path }) => {
      await run('mv', [spec, join(path, '..', 'spec.json')]);
      await symlink('../spec.json', spec);
    },
    'ARTIFACT_INVALID',
    /its "spec.json" is a symbolic link/,
  ],
  [
    'snapshots that are a link',
    async ({ snapshots }) => {
      await symlink('/etc', snapshots);
    },
    'ARTIFACT_INVALID',
    /its "snapshots" is a symbolic link/,
  ],
  [
    'a snapshot that is a FIFO',
    async ({ snapshots }) => {
      await mkdir(snapshots);
      await run('mkfifo', [join(snapshots, '0001.json')]);
    },
    'ARTIFACT_INVALID',
    /its "snapshots\/0001.json" is neither a file nor a folder/,
  ],
  [
    'a seed that is a socket',
    async ({ seed }) => {
      await rm(seed);
      const server = createServer();
      server.listen(seed);
      await once(server, 'listening');
      // Node removes it when it is closed by itself.
      await run('cp', ['-a', seed, `${seed}.2`]);
      server.close();
      await once(server, 'close');
      await run('mv', [`${seed}.2`, seed]);
    },
    'ARTIFACT_INVALID',
    /its "cloud-init-config.iso" is neither a file nor a folder/,
  ],
  [
    'a record that is broken',
    async ({ spec }) => await writeFile(spec, '{"uuid": 1'),
    'RECORD_INVALID',
    /spec\.json/,
  ],
  [
    'a disk that stands on a file of the host',
    async ({ disk }) => {
      await rm(disk);
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
        disk,
        '64M',
      ]);
    },
    'DISK_INVALID',
    /stands on "\/etc\/passwd", which is no base file/,
  ],
  [
    'a base that stands on a file of the host',
    async (copy) => {
      const base = copy.file('base-image.qcow2');
      await rm(base);
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
        base,
        '64M',
      ]);
    },
    'DISK_INVALID',
    /stands on "\/etc\/passwd", which is no base file/,
  ],
  [
    'a base that is a raw file',
    async (copy) => {
      const base = copy.file('base-image.qcow2');
      await rm(base);
      await writeFile(base, Buffer.alloc(1024 ** 2));
    },
    'DISK_INVALID',
    /base-image\.qcow2/,
  ],
  [
    'a disk that keeps its data elsewhere',
    async ({ disk, path }) => {
      await rm(disk);
      const options = `data_file=${join(path, '..', 'data.raw')}`;
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', options, disk, '64M']);
    },
    'ARTIFACT_INVALID',
    /keeps its data in another file/,
  ],
  [
    'a disk that is cut off',
    async ({ disk }) => {
      const { size } = await lstat(disk);
      await run('truncate', ['-s', String(size - 70_000), disk]);
    },
    'ARTIFACT_INVALID',
    /is cut off/,
  ],
  [
    'one that was suspended',
    async ({ disk }) => await run('qemu-img', ['snapshot', '-c', 'suspend', disk]),
    'ARTIFACT_INVALID',
    /while it was suspended/,
  ],
  [
    'one that has memory to go on from',
    async ({ memory }) => await writeFile(memory, '{}'),
    'ARTIFACT_INVALID',
    /while it was suspended/,
  ],
  [
    'a seed that is none',
    async ({ seed }) => await writeFile(seed, Buffer.alloc(65_536, 7)),
    'ISO_INVALID',
    /cloud-init-config\.iso/,
  ],
];

describe('a folder from outside with', () => {
  test('what is none of an instance is refused, and nothing of it is left', async ({
    root,
    store,
  }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { thin: true });
    for (const [what, spoil, code, message] of HOSTILE) {
      const copy = await copyOf(source, what.replaceAll(' ', '-'));
      await spoil(copy, root);
      const adopting = (): Promise<unknown> => importing(layout, copy.path, { name: 'evil' });
      const error = await expectRefusal(store, adopting, code);
      expect(error.message, what).toMatch(message);
      expect(error.hint, what).toBeTruthy();
    }
  });

  test.runIf(process.getuid?.() === 0)('files of another user is refused', async ({ store }) => {
    const { layout } = store;
    const copy = await copyOf(await makeInstance(layout, 'web'));
    await chown(copy.disk, 12_345, 12_345);
    const adopting = (): Promise<unknown> => importing(layout, copy.path, { name: 'evil' });
    const { message } = await expectRefusal(store, adopting, 'ARTIFACT_INVALID');
    expect(message).toContain('its "disk.qcow2" belongs to another user (uid 12345)');
  });

  test('somebody at work in it is refused', async ({ store }) => {
    const { layout } = store;
    const copy = await copyOf(await makeInstance(layout, 'web'));
    const holder = spawn('flock', ['-x', copy.lock, 'sh', '-c', 'echo held; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    await once(holder.stdout, 'data');
    try {
      const adopting = (): Promise<unknown> => importing(layout, copy.path, { name: 'evil' });
      const failed = await adopting().catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: 'INSTANCE_NOT_STOPPED' });
      expect(await readdir(layout.staging)).toEqual([]);
    } finally {
      process.kill(-holder.pid!, 'SIGKILL');
    }
  });

  test('a name that nobody can have, or in this store, is told', async ({ store }) => {
    const { layout } = store;
    const source = await makeInstance(layout, 'web');
    const copy = await copyOf(source, 'web 2026-11-30');
    await expectRefusal(store, () => importing(layout, copy.path), 'INVALID_NAME');
    const inside = (): Promise<unknown> => importing(layout, source.path, { name: 'two' });
    const { message } = await expectRefusal(store, inside, 'INVALID_ARGUMENT');
    expect(message).toContain('is in this store');
    await chmod(copy.path, 0o700);
  });

  test('an unfinished operation is refused with what to do', async ({ store }) => {
    const { layout } = store;
    const copy = await copyOf(await makeInstance(layout, 'web'));
    const pending = { step: { operation: 'resize', size: 2 ** 27 }, spec: null } as const;
    const record = encodePending({ ...pending, snapshots: new Map() });
    await writeFile(copy.pending, recordText(record));
    const adopting = (): Promise<unknown> => importing(layout, copy.path, { name: 'evil' });
    const { message } = await expectRefusal(store, adopting, 'ARTIFACT_INVALID');
    expect(message).toContain('copied in the middle of an operation (resize)');
  });
});
