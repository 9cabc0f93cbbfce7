import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/process/run.js';
import { openStore } from '../../src/index.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { runQuickly } from './command.js';
import { makeDisk } from './disks.js';
import { measure, type Side } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { addInstance, makeStore } from './stores.js';
import type { Timing } from './timing.js';

const MANY = 100;
const NUMBERS = Array.from({ length: MANY }, (_, index) => index + 1);

/**
 * Linked clones against `qemu-img create -b` by hand, which makes a disk alone: no folder, no identity, no seed, and
 * nothing that survives a power cut; and a clone of a snapshot against `qemu-img convert -l`.
 */
export async function benchLinked(bench: Bench): Promise<Comparison[]> {
  const layout = await makeStore(join(bench.folder, 'store'));
  bench.say('making disks of 512 MiB');
  for (const [index, name] of ['web', 'written', 'tagged'].entries()) {
    await makeDisk(addInstance(layout, name, index).disk);
  }
  const store = openStore(layout.root);
  // From here on it has an empty head on a base, as an instance that was launched has.
  await (await (await store.get('web')).clone('first', { linked: true })).purge();
  await (await store.get('tagged')).snapshot({ name: 'then' });
  await run('sync', ['--file-system', layout.root]);
  bench.say('timing linked clones, and clones of a snapshot');
  const sides = { ...(await ourSides(layout, bench.bin)), ...handSides(layout) };
  return comparisons(await measure(sides, { count: 9, signal: bench.signal }));
}

type Ours = 'command' | 'library' | 'written' | 'many' | 'snapshot';
type ByHand = 'node' | 'create' | 'creates' | 'convert';

async function ourSides(layout: StoreLayout, bin: string): Promise<Record<Ours, Side>> {
  const store = openStore(layout.root);
  const [web, written] = [await store.get('web'), await store.get('written')];
  const env = { MULTIPASS_STORAGE: layout.root };
  const clone = (...args: string[]) => {
    return () => runQuickly([process.execPath, bin, 'clone', ...args], env);
  };
  const remove = (names: readonly string[]) => async (): Promise<void> => {
    for (const name of names) await rm(layout.instance(name).path, { recursive: true });
    await settle(layout);
  };
  const undo = remove(['copy']);
  const count = ['--count', String(MANY), '--name', 'n{n}'];
  return {
    command: { work: clone('web', '--linked', '--name', 'copy'), undo },
    library: { work: () => web.clone('copy', { linked: true }), undo },
    written: {
      work: () => written.clone('copy', { linked: true }),
      undo: async () => {
        const { disk } = layout.instance('written');
        await run('qemu-io', ['-f', 'qcow2', '-c', 'write 0 1M', disk]);
        await undo();
      },
    },
    many: {
      work: clone('web', '--linked', ...count),
      undo: remove(NUMBERS.map((number) => `n${number}`)),
    },
    snapshot: { work: clone('tagged.then', '--name', 'copy'), undo },
  };
}

function handSides(layout: StoreLayout): Record<ByHand, Side> {
  const file = (number: number): string => join(layout.root, `hand-${number}.qcow2`);
  const remove = (numbers: readonly number[]) => async (): Promise<void> => {
    for (const number of numbers) await rm(file(number));
    await settle(layout);
  };
  const layer = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', layout.instance('web').disk];
  const create = (number: number) => runQuickly(['qemu-img', ...layer, file(number)]);
  const tagged = layout.instance('tagged').disk;
  const state = ['convert', '-C', '-O', 'qcow2', '-l', 'snapshot.name=@s1', tagged];
  return {
    node: { work: () => runQuickly([process.execPath, '-e', '0']) },
    create: { work: () => create(0), undo: remove([0]) },
    creates: {
      work: async () => {
        for (const number of NUMBERS) await create(number);
      },
      undo: remove(NUMBERS),
    },
    // Made durable, as a clone of ours is.
    convert: {
      work: async () => {
        await runQuickly(['qemu-img', ...state, file(0)]);
        await runQuickly(['sync', file(0)]);
      },
      undo: remove([0]),
    },
  };
}

/** Leaves nothing to be written that another side would have to wait for. */
async function settle(layout: StoreLayout): Promise<void> {
  await runQuickly(['sync', '--file-system', layout.root]);
}

function comparisons(times: Readonly<Record<Ours | ByHand, Timing>>): Comparison[] {
  const create = times.create.as('qemu-img create -b');
  return [
    {
      name: 'linked clone',
      ours: times.command.less(times.node).as('command, less node -e 0'),
      against: create,
      aim: { atMost: 3 },
    },
    { name: 'linked clone', ours: times.library.as('library'), against: create },
    {
      name: 'linked clone of what was written to',
      ours: times.written.as('library'),
      against: create,
    },
    {
      name: `each of ${MANY} linked clones`,
      ours: times.many.each(MANY).as('command --count'),
      against: times.creates.each(MANY).as('qemu-img create -b'),
      aim: { faster: 1 },
    },
    {
      name: 'clone of a snapshot of 512 MiB',
      ours: times.snapshot.less(times.node).as('command, less node -e 0'),
      against: times.convert.as('qemu-img convert -l, sync'),
      aim: { atMost: 1.5 },
    },
  ];
}
