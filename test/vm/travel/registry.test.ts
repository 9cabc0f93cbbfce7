import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { storePublicKey } from '../../../src/vm/guest/store-key.js';
import { newSeed } from '../../../src/vm/seed/new-seed.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { pullInstance } from '../../../src/vm/travel/pull-instance.js';
import type { PullChoices, PullReport } from '../../../src/vm/travel/pull-request.js';
import { pushInstance } from '../../../src/vm/travel/push-instance.js';
import type { PushChoices, PushReport } from '../../../src/vm/travel/push-request.js';
import { meddlingProxy } from '../../registry/proxy.js';
import { realRegistry } from '../../registry/real-registry.js';
import { makeInstance, specOf, test } from '../../support/store-fixture.js';
import { areSame, otherStore } from './support.js';

const MIB = 1024 ** 2;

describe('an instance in a registry', () => {
  test('is pushed and pulled, and sent again only where it changed', async ({ root, store }) => {
    await using registry = await realRegistry();
    await using proxy = await meddlingProxy(registry.host);
    const { layout } = store;
    const source = await makeInstance(layout, 'web', { thin: true });
    await write(source.disk, 3 * MIB, 0);
    const reference = `${proxy.host}/team/web:1`;
    const first = await pushed(layout, 'web', reference);
    expect(first.chunksSent).toBe(first.chunks);
    expect(first.pinned).toBe(`${proxy.host}/team/web@${first.digest}`);
    const other = await otherStore(root);
    const arrived = await pulled(other, reference);
    expect(arrived).toMatchObject({ name: 'web', digest: first.digest, pinned: first.pinned });
    await same(layout, 'web', other, 'web');

    await write(source.disk, 5 * MIB, 8 * MIB);
    proxy.forget();
    const second = await pushed(layout, 'web', reference);
    expect(proxy.sent()).toBeLessThan(2 * 5 * MIB);
    expect(proxy.sent()).toBeGreaterThan(5 * MIB);
    expect(second.bytesSent).toBeLessThanOrEqual(proxy.sent());
    expect(second.chunksSent).toBeLessThan(second.chunks);
    proxy.forget();
    await pulled(other, reference, { name: 'again' });
    const base = (await lstat(source.file('base-image.qcow2'))).size;
    await same(layout, 'web', other, 'again');
    const inode = async (name: string): Promise<number> =>
      (await lstat(other.instance(name).file('base-image.qcow2'))).ino;
    expect(await inode('again')).toBe(await inode('web'));
    expect(base).toBeGreaterThan(0);
    // The tag has moved on; what was pinned has not.
    await pulled(other, first.pinned, { name: 'before' });
    expect((await lstat(other.instance('before').disk)).size).toBeLessThan(
      (await lstat(other.instance('again').disk)).size,
    );
  });
});

async function pushed(
  layout: StoreLayout,
  name: string,
  reference: string,
  choices: PushChoices = {},
): Promise<PushReport> {
  return await pushInstance({ ...choices, layout, name, reference });
}

async function pulled(
  layout: StoreLayout,
  reference: string,
  choices: PullChoices = {},
): Promise<PullReport> {
  return await pullInstance({ ...choices, layout, reference });
}

async function same(one: StoreLayout, name: string, two: StoreLayout, other: string) {
  await run('qemu-img', ['compare', '-q', one.instance(name).disk, two.instance(other).disk]);
}

/** Writes noise into a disk, as its guest would. */
async function write(disk: string, length: number, offset: number): Promise<void> {
  const pattern = `${disk}.noise`;
  await writeFile(pattern, randomBytes(length));
  const command = `write -s ${pattern} ${offset} ${length}`;
  await run('qemu-io', ['-f', 'qcow2', '-c', command, disk]);
  await rm(pattern);
}
