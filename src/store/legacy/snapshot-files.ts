import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeInterfaces, type LegacyInterface } from './interfaces.js';
import { readLegacyText, statLegacy, unlessAbsent } from './legacy-file.js';
import { parseLenientDatabase } from './lenient-json.js';
import { LooseValue } from './loose-value.js';
import { decodeMounts, type LegacyMount } from './mounts.js';
import { decodeArguments, decodeResources, type LegacyResources } from './resources.js';

/** One `NNNN.snapshot.json` of an instance. The disk's state is the qcow2 tag `@s<index>`. */
export interface LegacySnapshot extends LegacyResources {
  readonly index: number;
  readonly name: string;
  readonly comment: string;
  /** Index of the parent, always one of the snapshots and lower than `index`; 0 for none. */
  readonly parent: number;
  /** UTC, ISO 8601 with milliseconds. */
  readonly created: string;
  /** Null before 1.14: those that the instance has now. */
  readonly extraInterfaces: readonly LegacyInterface[] | null;
  readonly mounts: readonly LegacyMount[];
  /** The seed's instance-id; null before 1.14: the one that the seed has now. */
  readonly instanceId: string | null;
  readonly metadataArguments: readonly string[];
}

/** The snapshots of an instance. */
export interface LegacySnapshots {
  /** By index. */
  readonly snapshots: readonly LegacySnapshot[];
  /** Index of the snapshot that the disk descends from, 0 for none; null when it is not known. */
  readonly head: number | null;
  /** How many were ever taken; null when it is not known. */
  readonly count: number | null;
  readonly warnings: readonly string[];
}

/** Multipass takes no more snapshots than that of an instance. */
const HIGHEST_INDEX = 9999;

const FILE_NAME = /^(\d+)\.snapshot\.json$/;

/**
 * Reads the snapshots in an instance's folder. Broken ones are left out with a warning; a parent that is not there
 * becomes none with a warning.
 * @throws MultipassError LEGACY_INVALID for what is no regular file; PERMISSION_DENIED, IO_ERROR
 */
export async function readLegacySnapshots(instanceDir: string): Promise<LegacySnapshots> {
  const warnings: string[] = [];
  const names = (await unlessAbsent(instanceDir, readdir(instanceDir))) ?? [];
  const found = new Map<number, LegacySnapshot>();
  for (const name of names.filter((file) => FILE_NAME.test(file)).sort()) {
    const snapshot = await readSnapshot(instanceDir, name, warnings);
    if (snapshot === null) continue;
    if (!found.has(snapshot.index)) found.set(snapshot.index, snapshot);
    else warnings.push(`${name}: there is another snapshot with index ${snapshot.index}; left out`);
  }
  const snapshots = rooted(found, warnings);
  const head = readNumber(join(instanceDir, 'snapshot-head'));
  const isHeadKnown = head === 0 || (head !== null && found.has(head));
  if (!isHeadKnown && (head !== null || found.size > 0))
    warnings.push(`snapshot-head: expected the index of a snapshot, found ${head ?? 'no number'}`);
  return {
    snapshots,
    head: isHeadKnown ? head : null,
    count: readNumber(join(instanceDir, 'snapshot-count')),
    warnings,
  };
}

/**
 * A parent is older, and indices are never used again, so its index is lower: whatever is not so is damage, and
 * without it there is no cycle.
 */
function rooted(found: ReadonlyMap<number, LegacySnapshot>, warnings: string[]): LegacySnapshot[] {
  return [...found.values()]
    .sort((one, other) => one.index - other.index)
    .map((snapshot) => {
      const { index, name, parent } = snapshot;
      if (parent === 0 || (found.has(parent) && parent < index)) return snapshot;
      const why = found.has(parent) ? 'is not older' : 'does not exist';
      warnings.push(`snapshot "${name}": its parent, number ${parent}, ${why}; it gets none`);
      return { ...snapshot, parent: 0 };
    });
}

async function readSnapshot(
  folder: string,
  fileName: string,
  warnings: string[],
): Promise<LegacySnapshot | null> {
  const path = join(folder, fileName);
  const text = readLegacyText(path);
  const value = parseLenientDatabase(text ?? '').entries.get('snapshot');
  const own: string[] = [];
  const place = new LooseValue(value, own);
  const index = place.key('index').integer(1, Number(FILE_NAME.exec(fileName)?.[1]));
  if (!place.isObject() || index < 1 || index > HIGHEST_INDEX) {
    warnings.push(`${fileName}: no complete snapshot in it; left out`);
    return null;
  }
  const modified = (await statLegacy(path))?.mtime ?? new Date(0);
  const snapshot = decodeSnapshot(place, index, modified);
  warnings.push(...own.map((warning) => `${fileName}: ${warning}`));
  return snapshot;
}

function decodeSnapshot(place: LooseValue, index: number, modified: Date): LegacySnapshot {
  const name = place.key('name').string('');
  const instanceId = place.key('cloud_init_instance_id').string('');
  const interfaces = place.key('extra_interfaces');
  return {
    index,
    name: name === '' ? place.key('name').warn('a name', `snapshot${index}`) : name,
    comment: place.key('comment').string(''),
    parent: place.key('parent').integer(0, 0),
    created: decodeTime(place.key('creation_timestamp'), modified),
    ...decodeResources(place, { memory: null, disk: null }),
    extraInterfaces: interfaces.isAbsent() ? null : decodeInterfaces(interfaces),
    mounts: decodeMounts(place.key('mounts')),
    instanceId: instanceId === '' ? null : instanceId,
    metadataArguments: decodeArguments(place),
  };
}

function decodeTime(place: LooseValue, fallback: Date): string {
  const time = new Date(place.string(''));
  const isTime = !Number.isNaN(time.getTime());
  return (isTime ? time : place.warn('a time', fallback)).toISOString();
}

function readNumber(path: string): number | null {
  const text = readLegacyText(path)?.trim() ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
