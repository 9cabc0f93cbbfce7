import { posix } from 'node:path';
import type { LooseValue } from './loose-value.js';

/** One host id seen as one guest id; guest id -1 is the guest's default user or group. */
export interface LegacyIdMapping {
  readonly host: number;
  readonly guest: number;
}

/** A host folder shared with the guest, as legacy data has it. */
export interface LegacyMount {
  readonly source: string;
  /** Absolute path in the guest, normalized. */
  readonly target: string;
  readonly type: 'classic' | 'native';
  readonly uidMappings: readonly LegacyIdMapping[];
  readonly gidMappings: readonly LegacyIdMapping[];
}

/** What old, relative target paths are relative to, and what a `~` in front of them stands for. */
const GUEST_HOME = '/home/ubuntu';

/**
 * The mounts of a spec or a snapshot. One without a source or a target is left out with a warning; of several with
 * the same target the last one counts.
 */
export function decodeMounts(place: LooseValue): LegacyMount[] {
  const byTarget = new Map<string, LegacyMount>();
  for (const item of place.objects()) {
    const mount = decodeMount(item);
    if (mount !== null) byTarget.set(mount.target, mount);
  }
  return [...byTarget.values()];
}

function decodeMount(place: LooseValue): LegacyMount | null {
  const source = place.key('source_path').string('');
  const target = place.key('target_path').string('');
  if (source === '' || target === '') return place.warn('a mount with a source and a target', null);
  return {
    source,
    target: posix.resolve(GUEST_HOME, target.replace(/^~(?=\/|$)/, '.')),
    type: decodeType(place.key('mount_type')),
    uidMappings: decodeMappings(place.key('uid_mappings'), 'uid'),
    gidMappings: decodeMappings(place.key('gid_mappings'), 'gid'),
  };
}

/** Absent before 1.11, when there were classic mounts only. */
function decodeType(place: LooseValue): LegacyMount['type'] {
  const type = place.integer(0, 0);
  if (type > 1) return place.warn('mount type 0 or 1', 'classic');
  return type === 1 ? 'native' : 'classic';
}

/**
 * Multipass refuses a mount that maps an id twice, on either side, although 1.5 to 1.10 wrote such mounts: the first
 * mapping of an id counts.
 */
function decodeMappings(place: LooseValue, kind: 'uid' | 'gid'): LegacyIdMapping[] {
  const mappings: LegacyIdMapping[] = [];
  for (const item of place.objects()) {
    const host = item.key(`host_${kind}`).integer(0, null);
    const guest = item.key(`instance_${kind}`).integer(-1, null);
    if (host === null || guest === null) {
      item.warn(`a mapping of one ${kind} to another`, null);
      continue;
    }
    const taken = mappings.find((other) => other.host === host || other.guest === guest);
    if (taken === undefined) mappings.push({ host, guest });
    else if (taken.host !== host || taken.guest !== guest)
      item.warn(`a ${kind} that is not mapped already`, null);
  }
  return mappings;
}
