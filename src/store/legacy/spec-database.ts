import { join } from 'node:path';
import { parseMemorySize } from '../../memory-size.js';
import { decodeInterfaces, type LegacyInterface } from './interfaces.js';
import { type LenientDatabase, readLenientDatabase } from './lenient-json.js';
import { LooseValue } from './loose-value.js';
import { decodeMounts, type LegacyMount } from './mounts.js';
import { decodeArguments, decodeResources, type LegacyResources } from './resources.js';
import { type LegacyRoot, SPEC_DATABASE } from './roots.js';

/** What Multipass recorded of one instance in `multipassd-vm-instances.json`. */
export interface LegacySpec extends LegacyResources {
  readonly sshUser: string;
  /** Multipass's number of the state. It never says "suspended" reliably; 4 means "runs with the daemon". */
  readonly state: number;
  /** Soft-deleted. */
  readonly deleted: boolean;
  /** MAC of the default interface as written, unchecked; null when there is none. */
  readonly mac: string | null;
  readonly extraInterfaces: readonly LegacyInterface[];
  readonly mounts: readonly LegacyMount[];
  /** True for a record that Multipass left behind by mistake after a purge: no instance. */
  readonly ghost: boolean;
  /** The command line of QEMU at the last cold start, mounts left out; empty when it never started. */
  readonly metadataArguments: readonly string[];
}

/** Multipass's own defaults, for sizes that are absent or ''. */
const DEFAULT_MEMORY = 2 ** 30;
const DEFAULT_DISK = 5 * 2 ** 30;

/**
 * Reads the database of specs; where the data folder has none, that of the cache folder, as Multipass does.
 * @throws as {@link readLenientDatabase}
 */
export function readSpecDatabase(root: LegacyRoot): LenientDatabase {
  const database = readLenientDatabase(join(root.dataDir, SPEC_DATABASE));
  if (database.status !== 'missing' || root.cacheDir === null) return database;
  return readLenientDatabase(join(root.cacheDir, SPEC_DATABASE));
}

/**
 * Decodes one record leniently: what is absent gets Multipass's default, what is of a wrong kind a default (or null)
 * and a warning.
 * @returns null, with a warning, when it is no object at all
 */
export function decodeLegacySpec(value: unknown, warnings: string[]): LegacySpec | null {
  const place = new LooseValue(value, warnings);
  if (!place.isObject()) return place.warn('a record of an instance', null);
  const mac = place.key('mac_addr').string('');
  const sshUser = place.key('ssh_username').string('');
  return {
    ...decodeResources(place, { memory: DEFAULT_MEMORY, disk: DEFAULT_DISK }),
    sshUser: sshUser === '' ? 'ubuntu' : sshUser,
    state: place.key('state').integer(0, 0),
    deleted: place.key('deleted').boolean(false),
    mac: mac === '' ? null : mac,
    extraInterfaces: decodeInterfaces(place.key('extra_interfaces')),
    mounts: decodeMounts(place.key('mounts')),
    ghost: isGhost(value as Readonly<Record<string, unknown>>),
    metadataArguments: decodeArguments(place),
  };
}

/** What a record looks like that holds nothing but initial values; the state may be any. */
function isGhost(record: Readonly<Record<string, unknown>>): boolean {
  const { num_cores, mem_size, disk_space, ssh_username, deleted, metadata } = record;
  return (
    (num_cores ?? 0) === 0 &&
    isZeroSize(mem_size) &&
    isZeroSize(disk_space) &&
    (ssh_username ?? '') === '' &&
    (deleted ?? false) === false &&
    Object.keys(metadata ?? {}).length === 0
  );
}

function isZeroSize(value: unknown): boolean {
  return value === 0 || (typeof value === 'string' && parseMemorySize(value) === 0);
}
