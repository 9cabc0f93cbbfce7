import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { newToken } from '../../src/store/maker-token.js';
import { briefStep } from '../support/brief-step.js';
import { countSteps } from '../support/inject.js';
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
});
