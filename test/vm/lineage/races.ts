import { expect } from 'vitest';
import type { StoreLayout } from '../../../src/store/layout.js';
import { instanceEntryNames } from '../../../src/store/listing.js';
import { recoverInstance } from '../../../src/vm/delete-instance.js';
import { purgeUnusedImages } from '../../../src/vm/images/purge-images.js';
import { expectSoundStore } from '../../support/sound-store.js';
import type { Worker } from '../../support/worker-fixture.js';
import { contentOf } from '../../support/disk-content.js';
import { bytesOf, launchSource, makeImage } from './family.js';

type Start = (job: 'churn', args: readonly string[]) => Worker;

/** How much is done at once. */
export interface RaceOptions {
  readonly workers: number;
  /** Of each worker. */
  readonly rounds: number;
  /** True: a worker is killed now and then, and another takes its place. */
  readonly kills?: boolean;
}

/**
 * Has several processes clone, rename, flatten and purge the same instances, and makes sure that those that are left
 * show their guests what all of them have shown all the time.
 * @returns how often each thing was done, as far as the workers have told
 */
export async function race(
  layout: StoreLayout,
  start: Start,
  { workers, rounds, kills = false }: RaceOptions,
): Promise<Record<string, number>> {
  await makeImage(layout);
  await launchSource(layout, 'web');
  const content = await contentOf(layout.instance('web'));
  const done: Record<string, number> = {};
  const runOne = async (seed: number): Promise<void> => {
    const worker = start('churn', [String(seed), String(rounds)]);
    await worker.next();
    worker.go();
    const told = worker.next();
    const counts = kills ? await killedOr(worker, told, seed) : await told;
    for (const [deed, count] of Object.entries(counts as Record<string, number>)) {
      done[deed] = (done[deed] ?? 0) + count;
    }
  };
  const lives = kills ? rounds : 1;
  await Promise.all(
    Array.from({ length: workers }, async (_, at) => {
      for (let life = 0; life < lives; life += 1) await runOne(1 + at + workers * life);
    }),
  );
  await expectAllTheSame(layout, content);
  return done;
}

async function killedOr(worker: Worker, told: Promise<unknown>, seed: number): Promise<unknown> {
  // Some die at once, and some later; which of them is not left to chance.
  const delay = 50 + ((seed * 7919) % 900);
  const killed = new Promise((resolve) => setTimeout(resolve, delay)).then(async () => {
    await worker.kill();
    return {};
  });
  return await Promise.race([told.catch(() => killed), killed]);
}

async function expectAllTheSame(layout: StoreLayout, content: string): Promise<void> {
  const names = instanceEntryNames(layout);
  expect(names.length).toBeGreaterThan(0);
  const contents = new Map<string, string>();
  // What killed ones left undone is finished by whoever opens the instance next.
  for (const name of names) await recoverInstance(layout, name);
  for (const name of names) {
    const bytes = JSON.stringify(await bytesOf(layout, name));
    const known = contents.get(bytes) ?? (await contentOf(layout.instance(name)));
    contents.set(bytes, known);
    expect(known, name).toBe(content);
  }
  await expectSoundStore(layout);
  await purgeUnusedImages(layout);
  for (const name of names) expect(await contentOf(layout.instance(name))).toBe(content);
}
