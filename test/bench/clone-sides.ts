import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/index.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { runQuickly } from './command.js';
import { copyWithSnapshots, makeDisk, tagOf } from './disks.js';
import type { Side } from './measure.js';
import { addInstance } from './stores.js';

/** How many snapshots the sources have. */
export const COUNTS = [0, 5, 20, 50] as const;
export type Count = (typeof COUNTS)[number];

/** The ways to come to a copy, for each number of snapshots. */
export type CloneSides = Record<`${'procedure' | 'cp' | 'command' | 'library'} ${Count}`, Side>;

/** What Multipass does to the disk; made durable at the end, as a clone of ours is. */
const PROCEDURE = `set -e
source=$1 target=$2 folder=$3; shift 3
cp "$source" "$target"
for tag; do qemu-img snapshot -d "$tag" "$target"; done
sync "$target" "$folder"`;

const PLAIN_COPY = `set -e
cp --reflink=auto "$1" "$2"
sync "$2" "$3"`;

/** Makes one instance for each number of snapshots; each disk goes on where the one before left off. */
export async function makeSources(layout: StoreLayout): Promise<void> {
  let before: { readonly disk: string; readonly count: Count } | undefined;
  for (const count of COUNTS) {
    const { disk } = addInstance(layout, sourceName(count), count);
    if (before === undefined) await makeDisk(disk);
    else await copyWithSnapshots(before.disk, disk, { from: before.count, to: count });
    before = { disk, count };
  }
}

/** All ways to copy all sources of {@link makeSources}. */
export async function cloneSides(layout: StoreLayout, bin: string): Promise<CloneSides> {
  const sides = {} as CloneSides;
  for (const count of COUNTS) {
    const vm = await openStore(layout.root).get(sourceName(count));
    const source = layout.instance(vm.name).disk;
    const target = join(layout.root, 'copy.qcow2');
    const tags = Array.from({ length: count }, (_, index) => tagOf(index + 1));
    const operands = [source, target, layout.root];
    const copied = { undo: () => remove(target, layout) };
    sides[`procedure ${count}`] = {
      ...copied,
      work: () => runQuickly(['sh', '-c', PROCEDURE, 'sh', ...operands, ...tags]),
    };
    sides[`cp ${count}`] = {
      ...copied,
      work: () => runQuickly(['sh', '-c', PLAIN_COPY, 'sh', ...operands]),
    };
    const cloned = { undo: () => remove(layout.instance('copy').path, layout) };
    const argv = [process.execPath, bin, 'clone', vm.name, '--name', 'copy'] as const;
    const env = { MULTIPASS_STORAGE: layout.root };
    sides[`command ${count}`] = { ...cloned, work: () => runQuickly(argv, env) };
    sides[`library ${count}`] = { ...cloned, work: () => vm.clone('copy') };
  }
  return sides;
}

/** Leaves nothing to be written that another side would have to wait for. */
async function remove(path: string, layout: StoreLayout): Promise<void> {
  await rm(path, { recursive: true });
  await runQuickly(['sync', '--file-system', layout.root]);
}

function sourceName(count: Count): string {
  return `with-${count}-snapshots`;
}
