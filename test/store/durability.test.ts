import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { recordText } from '../../src/files/record.js';
import { newToken } from '../../src/store/maker-token.js';
import { encodePending } from '../../src/vm/records/pending-record.js';
import { briefStep } from '../support/brief-step.js';
import { countSteps } from '../support/inject.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { makeInstance } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

describe('the order in which things become durable', () => {
  test('syncs each file, the folders bottom up and the MAC rows, renames, then syncs both parents', async ({
    store: { layout },
    program,
  }) => {
    await makeInstance(layout, 'source', { seed: null, data: 0 });
    const { root } = layout;
    const argv = [process.execPath, program, 'publish', root, 'source', 'copy', '1'] as const;
    const { steps, exitCode } = await countSteps({ root, argv: [...argv] });
    expect(exitCode).toBe(0);
    const order = steps.map(briefStep);

    const publish = order.indexOf('rename staging/* instances/copy0');
    expect(publish).toBeGreaterThan(0);
    const syncs = (part: string[]): string[] => part.filter((step) => step.startsWith('fsync'));
    const before = syncs(order.slice(0, publish));
    expect(before.slice(0, -2).sort()).toEqual([
      'fsync staging/*/disk.qcow2',
      'fsync staging/*/image-record.json',
      'fsync staging/*/spec.json',
    ]);
    expect(before.slice(-2)).toEqual(['fsync staging/*', 'fsync macs']);
    // Nothing is written between the last sync of the folder and its publishing.
    expect(order.slice(order.lastIndexOf('fsync staging/*') + 1, publish)).toEqual(['fsync macs']);
    const after = ['fsync instances', 'fsync staging', 'unlink locks/*.maker'];
    expect(order.slice(publish + 1)).toEqual(after);
  });

  test('knows durably whose a MAC row is before the row is there', async ({
    store: { layout },
    program,
  }) => {
    const { root } = layout;
    const argv = [process.execPath, program, 'stage', root, 'web', '525400000001'] as const;
    const { steps } = await countSteps({ root, argv: [...argv] });
    const order = steps.map(briefStep);
    const row = order.findIndex((step) => step.endsWith(' macs/525400000001'));
    expect(row).toBeGreaterThan(0);
    expect(order.slice(0, row)).toContain('fsync staging/*/.claim/uuid');
  });

  test('frees the MAC rows of a purged instance only once its removal is durable', async ({
    store: { layout },
    program,
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const [row] = await readdir(layout.macs);
    const dead = newToken().split('.').with(4, '1').join('.');
    await rename(dir.path, layout.trashed(dead));
    await mkdir(layout.staged(dead));
    await writeFile(join(layout.staged(dead), 'note'), '');

    const { root } = layout;
    const { steps } = await countSteps({ root, argv: [process.execPath, program, 'sweep', root] });
    const order = steps.map(briefStep);
    const freed = order.indexOf(`unlink macs/${row}`);
    expect(freed).toBeGreaterThan(0);
    expect(order.slice(0, freed)).toContain('fsync instances');
    expect(order.slice(0, freed)).toContain('fsync trash');
    expect(await readdir(layout.macs)).toEqual([]);
  });

  test('knows durably for whom a missing row is claimed before the row is there', async ({
    store: { layout },
    program,
  }) => {
    const { root } = layout;
    const argv = [process.execPath, program, 'claimFor', root, '525400000001'] as const;
    const { steps } = await countSteps({ root, argv: [...argv] });
    const order = steps.map(briefStep);
    const row = order.findIndex((step) => step.endsWith(' macs/525400000001'));
    expect(row).toBeGreaterThan(0);
    expect(order.slice(0, row)).toContain('fsync staging/*/.claim/uuid-of-another');
  });

  test('syncs again what the next name goes into before it is published under that', async ({
    store: { layout },
    program,
  }) => {
    const { root } = layout;
    await mkdir(layout.instance('a').path);
    await writeFile(layout.instance('a').file('mine'), '');
    const argv = [process.execPath, program, 'publishNext', root, 'a', 'b'] as const;
    const { steps, exitCode } = await countSteps({ root, argv: [...argv] });
    expect(exitCode).toBe(0);
    const order = steps.map(briefStep);
    const [refused, published] = ['a', 'b'].map((name) =>
      order.indexOf(`rename staging/* instances/${name}`),
    );
    expect(refused).toBeGreaterThan(0);
    const between = order.slice(refused! + 1, published);
    expect(between.slice(-2)).toEqual(['fsync staging/*/name', 'fsync staging/*']);
  });

  test('forgets what a dead one had committed to only once that is durable', async ({
    store: { layout },
    program,
  }) => {
    const dead = newToken().split('.').with(4, '1').join('.');
    await mkdir(layout.staged(dead));
    await writeFile(join(layout.staged(dead), 'data'), 'data');
    const commit = { publish: [{ token: dead, name: 'first', stem: null }] };
    await writeFile(layout.staged(`${dead}.commit`), recordText(commit));

    const { root } = layout;
    const { steps } = await countSteps({ root, argv: [process.execPath, program, 'sweep', root] });
    const order = steps.map(briefStep);
    const [published, forgotten] = [
      order.indexOf('rename staging/* instances/first'),
      order.indexOf('unlink staging/*.commit'),
    ];
    expect(published).toBeGreaterThanOrEqual(0);
    const between = order.slice(published + 1, forgotten);
    expect(between).toEqual(['fsync instances', 'fsync staging']);
  });

  test('ends what is pending only once the records are durable, and then the end of it', async ({
    store: { layout },
    program,
  }) => {
    const dir = await makeInstance(layout, 'web', { tags: 1 });
    await writeSnapshot(dir, snapshotRecord(1));
    const step = { operation: 'delete-snapshot', tag: '@s1' } as const;
    const pending = { step, spec: null, snapshots: new Map([['0001.json', null]]) };
    await writeFile(dir.pending, recordText(encodePending(pending)));

    const { root } = layout;
    const argv = [process.execPath, program, 'perform', root, 'recover', 'web'] as const;
    const { steps } = await countSteps({ root, argv: [...argv] });
    const order = steps.map(briefStep);
    const [removed, ended] = ['snapshots/0001.json', 'pending.json'].map((file) =>
      order.indexOf(`unlink instances/web/${file}`),
    );
    expect(removed).toBeGreaterThan(0);
    expect(order.slice(0, removed)).toContain('fsync instances/web/disk.qcow2');
    expect(order.slice(removed, ended)).toContain('fsync instances/web/snapshots');
    expect(order[ended! + 1]).toBe('fsync instances/web');
  });

  test('has a claimed port on record once the claim is told', async ({
    store: { layout },
    program,
  }) => {
    const { root } = layout;
    const argv = [process.execPath, program, 'claimPort', root, 'tcp-127.0.0.1-8080'] as const;
    const { steps, exitCode } = await countSteps({ root, argv: [...argv] });
    expect(exitCode).toBe(0);
    const order = steps.map(briefStep);
    const row = order.findIndex((step) => step.endsWith(' ports/tcp-127.0.0.1-8080'));
    expect(row).toBeGreaterThan(0);
    expect(order[row + 1]).toBe('fsync ports');
  });

  test('has a frozen disk under its second name before the head is another', async ({
    store: { layout },
    program,
  }) => {
    await makeInstance(layout, 'web');
    const { root } = layout;
    const argv = [process.execPath, program, 'perform', root, 'cloneLinked', 'web'] as const;
    const { steps, exitCode } = await countSteps({ root, argv: [...argv] });
    expect(exitCode).toBe(0);
    const order = steps.map((step) => briefStep(step).replace(/base-[0-9a-f]{32}/g, 'base-*'));
    const [frozen, replaced] = [
      order.indexOf('link instances/web/disk.qcow2 instances/web/base-*.qcow2'),
      order.indexOf('rename staging/*/disk.qcow2 instances/web/disk.qcow2'),
    ];
    expect(frozen).toBeGreaterThan(0);
    expect(order.slice(0, frozen).slice(-2)).toEqual([
      'fsync staging/*/disk.qcow2',
      'fsync staging/*',
    ]);
    expect(order.slice(frozen + 1, replaced)).toEqual([
      'fsync instances/web/base-*.qcow2',
      'fsync instances/web',
    ]);
    expect(order.slice(replaced + 1, replaced + 4)).toEqual([
      'fsync instances/web',
      'chmod instances/web/base-*.qcow2',
      'fsync instances/web/base-*.qcow2',
    ]);
  });
});
