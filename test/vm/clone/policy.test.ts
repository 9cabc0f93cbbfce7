import { existsSync, lstatSync } from 'node:fs';
import {
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { cloneAction } from '../../../src/vm/clone/policy.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { fingerprint } from '../../support/fingerprint.js';
import { expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';

interface Cloned {
  readonly copy: InstanceDir;
  /** What the report tells of things that were left behind. */
  readonly told: readonly string[];
}

async function clone(store: VirtualMachineStore): Promise<Cloned> {
  const { clones } = await cloneInstance({ layout: store.layout, source: 'web', name: 'copy' });
  return { copy: store.layout.instance('copy'), told: clones[0]!.unchanged };
}

describe('cloneAction', () => {
  it('decides by the name alone', () => {
    const actions = {
      'disk.qcow2': 'disk',
      'base-0a1b.qcow2': 'link',
      'spec.json': 'rewrite',
      'image-record.json': 'rewrite',
      'cloud-init-config.iso': 'rewrite',
      snapshots: 'drop',
      run: 'drop',
      lock: 'drop',
      'pending.json': 'drop',
      '.claim': 'drop',
      'spec.json.12345': 'drop',
      'image-record.json.1': 'drop',
      'notes.json': 'copy',
      'spec.json.bak': 'copy',
      'base-0a1b.qcow2.old': 'copy',
      'base-.qcow2': 'copy',
      'disk.img': 'copy',
      constructor: 'copy',
    };
    const decided = Object.keys(actions).map((name) => [name, cloneAction(name)]);
    expect(Object.fromEntries(decided)).toEqual(actions);
  });
});

describe('what a clone leaves behind without a word', () => {
  test('is all that belongs to the life of its source', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    await writeSnapshot(source, snapshotRecord(1));
    await mkdir(source.file('run'));
    await writeFile(source.file('run/known_hosts'), 'host key');
    for (const name of ['spec.json.12345', 'image-record.json.7', 'pending.json.8']) {
      await writeFile(source.file(name), '{ "torn');
    }
    await writeFile(source.file('base-garbage.qcow2'), 'outside the chain');
    const { copy, told } = await clone(store);
    const kept = ['cloud-init-config.iso', 'disk.qcow2', 'image-record.json', 'lock', 'spec.json'];
    expect((await readdir(copy.path)).sort()).toEqual(kept);
    expect(told).toEqual([]);
    expect(await readFile(copy.lock, 'utf8')).toBe('');
  });
});

describe('what a clone copies though we do not know it', () => {
  test('is every file and folder, with content and mode', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    const folder = source.file('notes/2026/empty');
    await mkdir(folder, { recursive: true });
    await writeFile(source.file('data.img'), Buffer.alloc(300_000, 'data'));
    await writeFile(source.file('empty'), '');
    await writeFile(source.file('-rf'), 'a name like an option');
    await writeFile(source.file('notes/with blank\nand line'), 'text');
    await writeFile(source.file('notes/2026/run.sh'), '#!/bin/sh\n');
    await writeFile(source.file('notes/2026/spec.json'), 'nobody’s spec');
    await chmod(source.file('notes/2026/run.sh'), 0o755);
    await chmod(source.file('notes'), 0o700);
    const { copy, told } = await clone(store);
    expect(told).toEqual([]);
    const contentOf = (prints: Record<string, string>): unknown =>
      Object.entries(prints)
        .filter(([path]) => /^(?:data|empty|-rf|notes)/.test(path))
        .map(([path, print]) => [path, print.replace(/ of \d+/, '')])
        .sort();
    const expected = contentOf(await fingerprint(source.path));
    expect(expected).toHaveLength(9);
    expect(contentOf(await fingerprint(copy.path))).toEqual(expected);
  });

  test('has nothing in common with the source that either could write to', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    await writeFile(source.file('first'), 'one content');
    await link(source.file('first'), source.file('second'));
    const { copy } = await clone(store);
    for (const name of ['first', 'second', 'disk.qcow2', 'lock']) {
      expect(lstatSync(copy.file(name)).ino).not.toBe(lstatSync(source.file(name)).ino);
      expect(lstatSync(copy.file(name)).nlink).toBe(1);
    }
  });

  test('keeps its holes', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    await run('truncate', ['-s', '64M', source.file('sparse.img')]);
    const { copy } = await clone(store);
    const { size, blocks } = lstatSync(copy.file('sparse.img'));
    expect(size).toBe(64 * 1024 ** 2);
    expect(blocks).toBeLessThan(64);
  });
});

describe('links, sockets and the like in the folder of an instance', () => {
  test('stay links when they lead to something inside of it', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    await mkdir(source.file('notes/deep'), { recursive: true });
    await writeFile(source.file('notes/today'), 'text');
    const links = {
      'to-notes': 'notes',
      'to-today': './notes/../notes/today',
      'notes/deep/to-today': '../today',
      'notes/deep/to-disk': '../../disk.qcow2',
      'notes/to-nothing': 'not there (yet)',
    };
    for (const [path, to] of Object.entries(links)) await symlink(to, source.file(path));
    const { copy, told } = await clone(store);
    expect(told).toEqual([]);
    for (const [path, to] of Object.entries(links)) {
      expect(await readlink(copy.file(path))).toBe(to);
    }
  });

  test('are left behind, and told, when they lead out of it', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    await mkdir(source.file('notes'));
    const links = {
      absolute: '/etc/passwd',
      'absolute-inside': source.disk,
      parent: '..',
      relative: '../../macs',
      'notes/up': '../../web-2/spec.json',
      sibling: `../${source.name}-2`,
    };
    for (const [path, to] of Object.entries(links)) await symlink(to, source.file(path));
    const { copy, told } = await clone(store);
    for (const [path, to] of Object.entries(links)) {
      expect(existsSync(copy.file(path))).toBe(false);
      expect(told).toContain(
        `"${source.file(path)}" was not copied: it is a link to "${to}", outside its folder`,
      );
    }
    expect(told).toHaveLength(Object.keys(links).length);
    expect(await readdir(copy.file('notes'))).toEqual([]);
  });

  test('are left behind, and told, when they are no files', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    await mkdir(source.file('notes'));
    await run('mkfifo', [source.file('notes/fifo')]);
    const server = createServer().listen(source.file('socket'));
    await once(server, 'listening');
    try {
      const { copy, told } = await clone(store);
      expect([...told].sort()).toEqual([
        `"${source.file('notes/fifo')}" was not copied: it is neither a file nor a folder`,
        `"${source.file('socket')}" was not copied: it is neither a file nor a folder`,
      ]);
      expect(existsSync(copy.file('socket'))).toBe(false);
      expect(await readdir(copy.file('notes'))).toEqual([]);
    } finally {
      server.close();
    }
  });
});

describe('the bases of a clone', () => {
  test('are the same files, and the disk names them without a folder', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web', { thin: true });
    await chmod(source.file('base-image.qcow2'), 0o444);
    const { copy } = await clone(store);
    const [ours, theirs] = [source, copy].map((dir) => lstatSync(dir.file('base-image.qcow2')));
    expect(theirs!.ino).toBe(ours!.ino);
    expect(theirs!.nlink).toBe(2);
    const { stdout } = await run('qemu-img', ['info', '--output=json', copy.disk]);
    expect(JSON.parse(stdout)).toMatchObject({ 'backing-filename': 'base-image.qcow2' });
    await run('qemu-img', ['compare', source.disk, copy.disk]);
  });

  test('are all there when bases stand on bases', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web', { thin: true });
    const create = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b'];
    const cwd = source.path;
    await run('qemu-img', [...create, 'base-image.qcow2', 'base-2.qcow2'], { cwd });
    await run('qemu-img', [...create, 'base-2.qcow2', 'disk.qcow2'], { cwd });
    const { copy } = await clone(store);
    expect((await readdir(copy.path)).filter((name) => name.startsWith('base-')).sort()).toEqual([
      'base-2.qcow2',
      'base-image.qcow2',
    ]);
    await run('qemu-img', ['compare', source.disk, copy.disk]);
  });
});

describe('a disk that leads out of its folder', () => {
  test('is refused when that is no base of its own folder', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web', { thin: true });
    const vm = await store.get('web');
    const strange = [
      '/etc/passwd',
      source.file('base-image.qcow2'),
      '../x',
      '../db/base-image.qcow2',
      './base-image.qcow2',
      'image.qcow2',
      'base-gone.qcow2',
      'disk.qcow2',
      'nbd://localhost/disk',
      'json:{"driver":"null-co"}',
    ];
    for (const backing of strange) {
      const unsafe = ['rebase', '-q', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', backing];
      await run('qemu-img', [...unsafe, source.disk]);
      const error = await expectRefusal(store, () => vm.clone(), 'DISK_INVALID');
      expect(error.message).toBe(
        `"${source.disk}" stands on ${JSON.stringify(backing)}, which is no base file of its folder`,
      );
    }
  });

  test('is refused when its base is a link to another file', async ({ store, root }) => {
    const source = await makeInstance(store.layout, 'web', { thin: true });
    const outside = join(root, '..', 'outside.qcow2');
    await run('mv', [source.file('base-image.qcow2'), outside]);
    await symlink(outside, source.file('base-image.qcow2'));
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone(), 'DISK_INVALID');
    expect(error.message).toContain('base-image.qcow2');
  });

  test('is refused when bases stand on each other', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web', { thin: true });
    const unsafe = ['rebase', '-q', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', 'base-image.qcow2'];
    await run('qemu-img', [...unsafe, source.file('base-image.qcow2')]);
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.clone(), 'DISK_INVALID');
  });

  test('is refused when it is a link itself', async ({ store, root }) => {
    const source = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const outside = join(root, '..', 'outside.qcow2');
    await run('mv', [source.disk, outside]);
    await symlink(outside, source.disk);
    const error = await expectRefusal(store, () => vm.clone(), 'INSTANCE_BROKEN');
    expect(error.message).toBe(`"${source.disk}" is not a regular file`);
  });
});
