import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore, type VirtualMachine } from '../../src/index.js';
import { StoreLayout } from '../../src/store/layout.js';
import { runningQemu } from '../../src/vm/read-instance.js';
import { setSetting } from '../../src/vm/settings/get-and-set.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { guestImage } from '../support/guests.js';
import { measure } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';

const SIDE_BY_SIDE = 4;
const MIB = 1024 ** 2;

/** A guest, how often it is cloned each way, and how much sooner a clone with memory is to be there. */
interface Kind {
  readonly guest: 'tiny' | 'cloud';
  readonly memory: number;
  readonly rounds: number;
  readonly faster: number;
}

const KINDS: readonly Kind[] = [
  { guest: 'tiny', memory: 512 * MIB, rounds: 5, faster: 4 },
  { guest: 'cloud', memory: 1024 * MIB, rounds: 2, faster: 2 },
];

/**
 * How long it takes until a clone of a running guest lets us in, with an identity of its own: one that goes on from the
 * memory against one that boots. And what each of four such clones takes of the disk and of the memory: said.
 */
export async function benchWarm(bench: Bench): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const kind of KINDS) comparisons.push(await compare(bench, kind));
  return comparisons;
}

async function compare(bench: Bench, { guest, memory, rounds, faster }: Kind): Promise<Comparison> {
  const root = join(bench.folder, `warm-${guest}`);
  const layout = new StoreLayout(root);
  const store = openStore(root);
  await prepareStore(layout);
  await setSetting(layout, 'local.network', 'user');
  const image = await guestImage(guest);
  bench.say(`launching the ${guest} source`);
  const golden = await store.launch({ image, name: 'golden', memory });
  try {
    const made: VirtualMachine[] = [];
    const side = (warm: boolean) => ({
      work: async () => {
        const how = warm ? { warm } : { live: true, linked: true };
        made.push(await golden.clone(undefined, { ...how, start: true }));
      },
      undo: async () => {
        for (const vm of made.splice(0)) await vm.purge();
      },
    });
    bench.say('cloning and starting');
    const options = { count: rounds, signal: bench.signal };
    const times = await measure({ warm: side(true), cold: side(false) }, options);
    if (guest === 'tiny') await sayWhatTheyTake(bench, layout, golden);
    return {
      name: `${guest} guest: a clone until it lets us in`,
      ours: times.warm.as('warm'),
      against: times.cold.as('boots'),
      aim: { faster },
    };
  } finally {
    await golden.purge();
  }
}

async function sayWhatTheyTake(
  { say }: Bench,
  layout: StoreLayout,
  golden: VirtualMachine,
): Promise<void> {
  const clones = await golden.cloneMany(SIDE_BY_SIDE, 'side-{n}', { warm: true });
  const { ram } = layout.instance('side-1');
  const { blocks, nlink } = await stat(ram);
  say(`their memory takes ${mebibytes(blocks * 512)} MiB of the disk, once for ${nlink} of them`);
  for (const clone of clones) await clone.start();
  const taken = clones.map(({ name }) => {
    const pid = runningQemu(layout.instance(name)) ?? 0;
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const of = (key: string): number =>
      Number(new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? NaN) * 1024;
    return `${mebibytes(of('Rss'))} resident (${mebibytes(of('Pss'))} by its share)`;
  });
  say(`MiB of memory of each: ${taken.join(', ')}`);
  for (const clone of clones) await clone.purge();
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / MIB);
}
