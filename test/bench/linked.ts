import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runQuickly } from './command.js';
import { makeDisk } from './disks.js';
import { openStore } from '../../src/index.js';
import { run } from '../../src/exec.js';
import { takeSnapshot } from '../../src/vm/snapshots/take-snapshot.js';
import { measure, type Side } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { addInstance, makeStore } from './stores.js';
import type { StoreLayout } from '../../src/store/layout.js';

const MANY = 100;

/**
 * Linked clones against `qemu-img create -b` by hand, which makes a disk alone: no folder, no identity, no seed, and
 * nothing that survives a power cut; and a clone of a snapshot against `qemu-img convert -l`.
 */
export async function benchLinked(bench: Bench): Promise<Comparison[]> {
  const layout = await makeStore(join(bench.folder, 'store'));
  bench.say('making disks of 512 MiB');
  const web = addInstance(layout, 'web', 0);
  await makeDisk(web.disk);
  const tagged = addInstance(layout, 'tagged', 1);
  await makeDisk(tagged.disk);
  await takeSnapshot({ layout, instance: 'tagged', name: 'then' });
  await run('sync', ['--file-system', layout.root]);
  bench.say('timing linked clones and clones of a snapshot');
  const times = await measure(await sidesOf(layout, bench.bin), { count: 9, signal: bench.signal });
  const hand = { what: 'qemu-img create -b', ms: times.hand };
  const each = (ms: number): number => ms / MANY;
  return [
    {
      name: 'linked clone',
      ours: { what: 'command, less Node', ms: times.command - times.node },
      against: hand,
      aim: { atMost: 3 },
    },
    { name: 'linked clone', ours: { what: 'library', ms: times.library }, against: hand },
    {
      name: 'linked clone after writing',
      ours: { what: 'library', ms: times.written },
      against: hand,
    },
    {
      name: `${MANY} linked clones, each`,
      ours: { what: 'command --count', ms: each(times.many) },
      against: { what: 'qemu-img create -b', ms: each(times.hands) },
      aim: { faster: 1 },
    },
    {
      name: 'clone of a snapshot',
      ours: { what: 'command, less Node', ms: times.snapshot - times.node },
      against: { what: 'qemu-img convert -l, and sync', ms: times.convert },
      aim: { atMost: 1.5 },
    },
  ];
}

type Name = 'node' | 'hand' | 'command' | 'library' | 'written' | 'many' | 'hands';

async function sidesOf(
  layout: StoreLayout,
  bin: string,
): Promise<Record<Name | 'snapshot' | 'convert', Side>> {
  const vm = await openStore(layout.root).get('web');
  // From here on the source has an empty head on a base, as one that was launched has.
  await (await vm.clone('first', { linked: true })).purge();
  const env = { MULTIPASS_STORAGE: layout.root };
  const clone = (...args: string[]): Promise<void> =>
    runQuickly([process.execPath, bin, 'clone', ...args], env);
  const { disk } = layout.instance('web');
  const file = (index: number): string => join(layout.root, `hand-${index}.qcow2`);
  const create = (index: number): Promise<void> =>
    runQuickly(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', disk, file(index)]);
  const numbers = Array.from({ length: MANY }, (_, index) => index + 1);
  const copies = (names: readonly string[]) => async (): Promise<void> => {
    for (const name of names) await rm(layout.instance(name).path, { recursive: true });
    await runQuickly(['sync', '--file-system', layout.root]);
  };
  const byHand = (indexes: readonly number[]) => async (): Promise<void> => {
    for (const index of indexes) await rm(file(index));
    await runQuickly(['sync', '--file-system', layout.root]);
  };
  const undo = copies(['copy']);
  return {
    node: { work: () => runQuickly([process.execPath, '-e', '0']) },
    hand: { work: () => create(0), undo: byHand([0]) },
    command: { work: () => clone('web', '--linked', '--name', 'copy'), undo },
    library: { work: () => vm.clone('copy', { linked: true }), undo },
    written: writtenSide(layout, undo),
    many: {
      work: () => clone('web', '--linked', '--count', String(MANY), '--name', 'n{n}'),
      undo: copies(numbers.map((number) => `n${number}`)),
    },
    hands: {
      work: async () => {
        for (const number of numbers) await create(number);
      },
      undo: byHand(numbers),
    },
    snapshot: { work: () => clone('tagged.then', '--name', 'copy'), undo },
    convert: {
      work: () => convertByHand(layout.instance('tagged').disk, file(0)),
      undo: byHand([0]),
    },
  };
}
