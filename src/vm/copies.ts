import { lstatSync } from 'node:fs';
import { MultipassError } from '../errors.js';
import { readRecordIfAny } from '../files/record.js';
import type { InstanceDir } from '../store/instance-dir.js';
import type { StoreLayout } from '../store/layout.js';
import { instanceEntryNames } from '../store/listing.js';
import { inodeOf, MacTable } from '../store/mac-table.js';
import type { InstanceSpec } from './records/spec.js';

/*
 * `cp -a instances/web instances/web-copy` makes a second folder with one uuid. The rows of the MAC table hold the
 * inode of the folder that they were claimed for: by that the instance is told from its copy. A rename keeps it. Where
 * the whole store was copied or unpacked the rows name no folder that is there; then the folder that was made first is
 * the instance, and as long as it is the only one of its uuid nothing is to be told apart. The rows are renewed when it
 * is started.
 */

/** A folder with a spec that could be read. */
export interface Folder {
  readonly dir: InstanceDir;
  readonly spec: Pick<InstanceSpec, 'uuid' | 'interfaces'>;
}

/**
 * The name of the instance that a folder is a copy of, made by hand: it has the same uuid and the same addresses. Quick
 * where the rows name this very folder; else the uuid of every folder is looked at.
 * @returns undefined when it is no copy
 */
export function originalOf(layout: StoreLayout, folder: Folder): string | undefined {
  if (isNamedByRows(layout, folder)) return undefined;
  const others = foldersOf(layout, folder.spec.uuid).filter(({ name }) => name !== folder.dir.name);
  const dirs = [folder.dir, ...others];
  const original = originalAmong(
    layout,
    dirs.map((dir) => ({ dir, spec: folder.spec })),
  );
  return original.dir.name === folder.dir.name ? undefined : original.dir.name;
}

/** Which of several folders with one uuid is the instance, the others being copies of it. */
export function originalAmong<T extends Folder>(layout: StoreLayout, folders: readonly T[]): T {
  const named = folders.find((folder) => isNamedByRows(layout, folder));
  const [first] = [...folders].sort(byAge);
  const original = named ?? first;
  if (original === undefined) throw new Error('no folder');
  return original;
}

/** The refusal to work with a copy, and what to do. */
export function isCopyOf(dir: InstanceDir, original: string): MultipassError {
  return new MultipassError(
    'INSTANCE_IS_COPY',
    `"${dir.name}" is a copy of the folder of "${original}", with its uuid and its MAC addresses`,
    {
      hint:
        `Make it an instance of its own with \`multipass adopt ${dir.name}\`, clone it, ` +
        `or remove it with \`multipass delete --purge ${dir.name}\`.`,
      details: { name: dir.name, original, path: dir.path },
    },
  );
}

function isNamedByRows(layout: StoreLayout, { dir, spec }: Folder): boolean {
  const held = new MacTable(layout).holder(spec.interfaces[0].mac.toHex());
  return held?.uuid === spec.uuid && held.inode !== undefined && held.inode === inodeOf(dir.path);
}

function foldersOf(layout: StoreLayout, uuid: string): InstanceDir[] {
  return instanceEntryNames(layout)
    .map((name) => layout.instance(name))
    .filter((dir) => uuidOf(dir) === uuid);
}

/** Where nothing can be read there is nothing to be told apart. */
function uuidOf(dir: InstanceDir): unknown {
  try {
    return readRecordIfAny(dir.spec)?.object()['uuid'];
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

/** By when the folders were made, where the file system tells, else by name. */
function byAge(one: Folder, other: Folder): number {
  const [a, b] = [one, other].map(({ dir }) => birthOf(dir.path));
  if (a !== b) return (a ?? 0n) < (b ?? 0n) ? -1 : 1;
  return one.dir.name < other.dir.name ? -1 : 1;
}

function birthOf(path: string): bigint {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.birthtimeNs ?? 0n;
}
