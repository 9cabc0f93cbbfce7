import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { purgeInstance } from '../../../src/vm/delete-instance.js';
import { purgeUnusedImages } from '../../../src/vm/images/purge-images.js';
import { trashImage } from '../../../src/vm/images/vault.js';
import { contentOf } from '../../support/disk-content.js';
import { bytesOf, IMAGE, launchSource, makeImage, write } from './family.js';

/** A source, three linked clones of it, a linked clone of one of these, and the image they all come from. */
export const FAMILY = ['source', 'one', 'two', 'three', 'grandchild', 'image'] as const;
export type Member = (typeof FAMILY)[number];

const INSTANCES = FAMILY.filter((member) => member !== 'image');

/** A family, and what each of it stood on when it was made. */
export interface FamilyTemplate {
  readonly root: string;
  readonly bytes: ReadonlyMap<string, Record<string, string>>;
}

/** Makes the family; each of them has written something that no other has. The caller removes the folder. */
export async function familyTemplate(): Promise<FamilyTemplate> {
  const root = await mkdtemp(join(tmpdir(), 'multipass-ts-family-'));
  const layout = new StoreLayout(join(root, 'store'));
  await initialiseStore(layout);
  await makeImage(layout);
  await launchSource(layout, 'source');
  await cloneInstance({ layout, source: 'source', name: 'one', linked: true });
  await write(layout, 'source', 2);
  await cloneInstance({ layout, source: 'source', count: 2, name: 'c{n}', linked: true });
  for (const [from, to] of [
    ['c1', 'two'],
    ['c2', 'three'],
  ] as const) {
    await run('mv', [layout.instance(from).path, layout.instance(to).path]);
  }
  await write(layout, 'one', 3);
  await cloneInstance({ layout, source: 'one', name: 'grandchild', linked: true });
  for (const [at, name] of INSTANCES.entries()) await write(layout, name, 10 + at);
  const bytes = new Map<string, Record<string, string>>();
  const contents = new Set<string>();
  for (const name of INSTANCES) {
    bytes.set(name, await bytesOf(layout, name));
    contents.add(await contentOf(layout.instance(name)));
  }
  expect(contents.size).toBe(INSTANCES.length);
  return { root, bytes };
}

/** Every order in which some things can be taken. */
export function ordersOf<T>(things: readonly T[]): T[][] {
  if (things.length === 0) return [[]];
  return things.flatMap((thing) =>
    ordersOf(things.filter((other) => other !== thing)).map((rest) => [thing, ...rest]),
  );
}

/**
 * Deletes a family in an order, and looks after each step whether those that are left stand on every byte they stood
 * on. `image` is its forced removal; besides, images that nobody uses are purged between any two.
 */
export async function deleteInOrder(
  { root, bytes }: FamilyTemplate,
  order: readonly Member[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-order-'));
  try {
    await run('cp', ['-a', '--', `${root}/.`, folder]);
    const layout = new StoreLayout(join(folder, 'store'));
    const left = new Set<string>(FAMILY);
    for (const member of order) {
      if (member === 'image') await trashImage(layout, IMAGE);
      else await purgeInstance(layout, member);
      left.delete(member);
      const purged = await purgeUnusedImages(layout);
      // Somebody has a link to its disk as long as there is anybody.
      const hasUsers = INSTANCES.some((name) => left.has(name));
      expect(purged).toEqual(left.has('image') && !hasUsers ? [IMAGE] : []);
      if (purged.length > 0) left.delete('image');
      for (const name of INSTANCES.filter((one) => left.has(one))) {
        expect(await bytesOf(layout, name)).toEqual(bytes.get(name));
      }
    }
    for (const place of [layout.instances, layout.images, layout.macs, layout.staging]) {
      expect(await readdir(place)).toEqual([]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
