import { createHash } from 'node:crypto';
import { chmod, link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { recordText } from '../../../src/files/record.js';
import { backingChain } from '../../../src/vm/disks/backing-chain.js';
import { newVaultRecord } from '../../../src/vm/images/vault-record.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { makeInstance } from '../../support/store-fixture.js';

/** The image that everybody of the family comes from. */
export const IMAGE = 'fedcba0987654321'.repeat(4);

/** Makes an image with something in it, as if it had been downloaded. */
export async function makeImage(layout: StoreLayout): Promise<void> {
  const dir = layout.image(IMAGE);
  await mkdir(dir.path, { recursive: true });
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', dir.disk, '64M']);
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 5 1M 256k', dir.disk]);
  await chmod(dir.disk, 0o444);
  const query = { release: '24.04', remote: 'release', type: 'alias' } as const;
  const known = { id: IMAGE, query, release: '24.04 LTS', os: 'Ubuntu', remote: 'release' };
  await writeFile(dir.imageRecord, recordText(newVaultRecord(known)));
}

/** Makes an instance with a thin head on the image, which has written a little. */
export async function launchSource(layout: StoreLayout, name: string): Promise<void> {
  const dir = await makeInstance(layout, name, { data: 0 });
  const base = `base-${IMAGE}.qcow2`;
  await link(layout.image(IMAGE).disk, dir.file(base));
  await rm(dir.disk);
  const layer = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, dir.disk];
  await run('qemu-img', layer, { cwd: dir.path });
  await chmod(dir.disk, 0o600);
  await write(layout, name, 1);
  const { image } = readInstance(layout, name);
  await writeFile(dir.imageRecord, recordText({ ...image, id: IMAGE }));
}

/** Has the guest of an instance write 64 KiB in a place of its own. */
export async function write(layout: StoreLayout, name: string, number: number): Promise<void> {
  const { disk } = layout.instance(name);
  await run('qemu-io', ['-f', 'qcow2', '-c', `write -P ${number} ${2 + number}M 64k`, disk]);
}

/**
 * Every byte that an instance stands on: a hash of its head and of each base down the chain, by file name. Equal ones
 * mean that its guest sees the same.
 */
export async function bytesOf(layout: StoreLayout, name: string): Promise<Record<string, string>> {
  const dir = layout.instance(name);
  const chain = backingChain(dir, readQcow2(dir.disk));
  const found = (await readdir(dir.path)).filter((file) => file.startsWith('base-'));
  expect(found.toSorted()).toEqual(chain.toSorted());
  const hashes: Record<string, string> = {};
  for (const file of ['disk.qcow2', ...chain]) {
    const hash = createHash('sha256').update(await readFile(dir.file(file)));
    hashes[file] = hash.digest('hex');
  }
  return hashes;
}
