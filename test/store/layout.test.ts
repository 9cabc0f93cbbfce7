import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASE_FILE } from '../../src/store/instance-dir.js';
import { isPlainName, StoreLayout } from '../../src/store/layout.js';

describe('StoreLayout', () => {
  const layout = new StoreLayout('/store');

  it('puts everything below its root', () => {
    expect(new StoreLayout('relative').root).toBe(resolve('relative'));
    const dir = layout.instance('web');
    expect(dir.name).toBe('web');
    expect([
      layout.formatFile,
      layout.macRow('525400000001'),
      layout.staged('token'),
      layout.trashed('token'),
      layout.key('id'),
      dir.path,
      dir.spec,
      dir.imageRecord,
      dir.disk,
      dir.seed,
      dir.snapshots,
      dir.pending,
      dir.lock,
      dir.qemuPid,
      dir.claim,
    ]).toEqual([
      '/store/store.json',
      '/store/macs/525400000001',
      '/store/staging/token',
      '/store/trash/token',
      '/store/keys/id',
      '/store/instances/web',
      '/store/instances/web/spec.json',
      '/store/instances/web/image-record.json',
      '/store/instances/web/disk.qcow2',
      '/store/instances/web/cloud-init-config.iso',
      '/store/instances/web/snapshots',
      '/store/instances/web/pending.json',
      '/store/instances/web/lock',
      '/store/instances/web/run/qemu.pid',
      '/store/instances/web/.claim',
    ]);
    expect(layout.relative('/store/instances/web/spec.json')).toBe('instances/web/spec.json');
  });

  it.for(['', '.', '..', '../web', 'a/b', '/etc', 'a\0b', '..\0'])(
    'makes no path of the name %j',
    (name) => {
      expect(isPlainName(name)).toBe(false);
      for (const use of ['instance', 'macRow', 'staged', 'trashed', 'key'] as const) {
        expect(() => layout[use](name)).toThrow('not a plain file name');
      }
    },
  );

  it('keeps every plain name in its folder', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        fc.pre(isPlainName(name));
        const { path } = layout.instance(name);
        expect(resolve(path)).toBe(`/store/instances/${name}`);
      }),
    );
  });
});

describe('BASE_FILE', () => {
  it('accepts the name of a base, and nothing that leads elsewhere', () => {
    for (const name of ['base-0a_B-9.qcow2', `base-${'f'.repeat(128)}.qcow2`]) {
      expect(name).toMatch(BASE_FILE);
    }
    const others = ['base-.qcow2', 'base-a/b.qcow2', '../base-a.qcow2', 'base-a.b.qcow2'];
    for (const name of [
      ...others,
      'disk.qcow2',
      'base-a.qcow2\n',
      'base-a,b.qcow2',
      'base-a.raw',
    ]) {
      expect(name).not.toMatch(BASE_FILE);
    }
  });
});
