import { chmod, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { recordText } from '../../../src/files/record.js';
import { newVaultRecord } from '../../../src/vm/images/vault-record.js';
import { diskUsage } from '../../../src/vm/lineage/disk-usage.js';
import { lineageTree, type TreeNode } from '../../../src/vm/lineage/tree.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { fingerprint } from '../../support/fingerprint.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const IMAGE = '1234567890abcdef'.repeat(4);

/** An image of 4 MiB, as if it had been downloaded. */
async function makeImage(layout: StoreLayout): Promise<void> {
  const dir = layout.image(IMAGE);
  await mkdir(dir.path, { recursive: true });
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', dir.disk, '64M']);
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 5 0 4M', dir.disk]);
  await chmod(dir.disk, 0o444);
  const query = { release: '24.04', remote: 'release', type: 'alias' } as const;
  const known = { id: IMAGE, query, release: '24.04 LTS', os: 'Ubuntu', remote: 'release' };
  await writeFile(dir.imageRecord, recordText(newVaultRecord(known)));
}

/** An instance with a thin head on that image. */
async function launch(layout: StoreLayout, name: string): Promise<InstanceDir> {
  const dir = await makeInstance(layout, name, { data: 0 });
  const base = `base-${IMAGE}.qcow2`;
  await link(layout.image(IMAGE).disk, dir.file(base));
  await rm(dir.disk);
  const layer = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, dir.disk];
  await run('qemu-img', layer, { cwd: dir.path });
  const { image } = readInstance(layout, name);
  await writeFile(dir.imageRecord, recordText({ ...image, id: IMAGE }));
  return dir;
}

/** The tree as lines: kind and name of each, deeper ones further in. */
function shape(nodes: readonly TreeNode[], depth = 0): string[] {
  return nodes.flatMap(({ kind, name, children }) => [
    `${'  '.repeat(depth)}${kind} ${name}`,
    ...shape(children, depth + 1),
  ]);
}

function flat(nodes: readonly TreeNode[]): TreeNode[] {
  return nodes.flatMap((node) => [node, ...flat(node.children)]);
}

/** Says of an instance that it came from another, whatever the truth. */
async function pretend(layout: StoreLayout, name: string, from: string): Promise<void> {
  const { dir, image } = readInstance(layout, name);
  const lineage = {
    sourceUuid: readInstance(layout, from).spec.uuid,
    sourceName: from,
    snapshot: null,
    created: '2026-01-02T03:04:05.678Z',
    strategy: 'copy',
  };
  await writeFile(dir.imageRecord, recordText({ ...image, lineage }));
}

describe('the lineage tree', () => {
  test('shows images, instances, snapshots and clones by where they came from', async ({
    store,
  }) => {
    const { layout } = store;
    await makeImage(layout);
    await launch(layout, 'web');
    await makeInstance(layout, 'alone', { data: 0 });
    const web = await store.get('web');
    await web.snapshot({ name: 'first' });
    await web.clone('of-first', { snapshot: 'first' });
    await web.clone('of-web', { linked: true });
    await (await store.get('of-web')).clone('of-of-web');
    const before = await fingerprint(store.root);
    const roots = await lineageTree(layout);
    expect(await fingerprint(store.root)).toEqual(before);
    expect(shape(roots)).toEqual([
      'image Ubuntu 24.04 LTS',
      '  instance web',
      '    snapshot first',
      '      instance of-first',
      '    instance of-web',
      '      instance of-of-web',
      'instance alone',
    ]);
    const [image] = roots;
    expect(image?.id).toBe(IMAGE);
    expect(flat(roots).find(({ kind }) => kind === 'snapshot')?.id).toBe('@s1');
    expect(image?.children[0]?.id).toBe(web.spec.uuid);
  });

  test('counts bytes by inode: what each holds alone and the shared ones come to what du says', async ({
    store,
  }) => {
    const { layout } = store;
    await makeImage(layout);
    const dir = await launch(layout, 'web');
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 8 8M 2M', dir.disk]);
    const web = await store.get('web');
    await web.clone('one', { linked: true });
    await web.clone('two', { linked: true });
    const nodes = flat(await lineageTree(layout));
    const shared = new Map<string, number>();
    for (const { name } of nodes.filter(({ kind }) => kind === 'instance')) {
      const list = await run('find', [
        layout.instance(name).path,
        '-type',
        'f',
        '-links',
        '+1',
        '-printf',
        '%i %b\n',
      ]);
      for (const line of list.stdout.trim().split('\n')) {
        const [inode = '', blocks = '0'] = line.split(' ');
        shared.set(inode, Number(blocks) * 512);
      }
    }
    const exclusive = nodes.reduce((sum, { exclusiveBytes }) => sum + exclusiveBytes, 0);
    const together = [...shared.values()].reduce((sum, bytes) => sum + bytes, 0);
    const files = await run('sh', [
      ...['-c', 'find "$1" "$2" -type f -print0 | du --files0-from=- -c -B1 | tail -n 1', 'sh'],
      ...[layout.instances, layout.images],
    ]);
    expect(exclusive + together).toBe(Number.parseInt(files.stdout, 10));
    // The old head of web and the disk of the image.
    for (const { kind, sharedBytes } of nodes) {
      if (kind === 'instance') expect(sharedBytes).toBe(together);
    }
    expect(together).toBeGreaterThan(6 * 1024 ** 2);
  });

  test('makes the children of what is gone roots, or the image’s', async ({ store }) => {
    const { layout } = store;
    await makeImage(layout);
    await launch(layout, 'web');
    await makeInstance(layout, 'alone', { data: 0 });
    for (const name of ['web', 'alone']) {
      const vm = await store.get(name);
      await vm.clone(`${name}-copy`);
      await (await store.get(`${name}-copy`)).clone(`${name}-copy-copy`);
      await vm.purge();
    }
    expect(shape(await lineageTree(layout))).toEqual([
      'image Ubuntu 24.04 LTS',
      '  instance web-copy',
      '    instance web-copy-copy',
      'instance alone-copy',
      '  instance alone-copy-copy',
    ]);
    await rm(layout.image(IMAGE).path, { recursive: true });
    expect((await lineageTree(layout)).map(({ name }) => name)).toEqual(['alone-copy', 'web-copy']);
  });

  test('shows a clone of a snapshot below its source when the snapshot is gone', async ({
    store,
  }) => {
    await makeInstance(store.layout, 'web');
    const web = await store.get('web');
    await web.snapshot({ name: 'first' });
    await web.clone('copy', { snapshot: 'first' });
    await web.deleteSnapshot('first');
    expect(shape(await lineageTree(store.layout))).toEqual(['instance web', '  instance copy']);
  });

  test('ends when records that were edited by hand lead in a circle', async ({ store }) => {
    const { layout } = store;
    for (const name of ['a', 'b', 'c', 'd', 'e']) await makeInstance(layout, name, { data: 0 });
    for (const [name, from] of [
      ['a', 'b'],
      ['b', 'a'],
      ['c', 'c'],
      ['d', 'a'],
      ['e', 'd'],
    ] as const) {
      await pretend(layout, name, from);
    }
    // Nobody is lost, and nobody is shown twice.
    expect(shape(await lineageTree(layout))).toEqual([
      'instance a',
      '  instance d',
      '    instance e',
      'instance b',
      'instance c',
    ]);
  });

  test('hides nobody behind an instance that is Broken, or whose snapshots cannot be read', async ({
    store,
  }) => {
    const { layout } = store;
    const odd = await makeInstance(layout, 'odd', { data: 0 });
    await mkdir(odd.snapshots);
    await writeFile(`${odd.snapshots}/0001.json`, '{"index": "one"}');
    const broken = await makeInstance(layout, 'broken', { data: 0 });
    await rm(broken.spec);
    await makeInstance(layout, 'web', { data: 0 });
    await pretend(layout, 'web', 'odd');
    expect(shape(await lineageTree(layout))).toEqual(['instance odd', '  instance web']);
  });

  test('is empty where there is no store', async ({ root }) => {
    const { StoreLayout: Layout } = await import('../../../src/store/layout.js');
    expect(await lineageTree(new Layout(`${root}-nowhere`))).toEqual([]);
  });
});

describe('the usage of a folder', () => {
  test('counts a file with two names in it once, as its own', async ({ root }) => {
    await mkdir(`${root}/inner`, { recursive: true });
    await writeFile(`${root}/one`, Buffer.alloc(8192, 1));
    await link(`${root}/one`, `${root}/inner/two`);
    expect(diskUsage(root)).toEqual({ exclusive: 8192, shared: 0 });
    await link(`${root}/one`, `${root}-three`);
    expect(diskUsage(root)).toEqual({ exclusive: 0, shared: 8192 });
    expect(diskUsage(`${root}-gone`)).toEqual({ exclusive: 0, shared: 0 });
  });
});
