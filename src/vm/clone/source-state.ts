import { LEAST_MEMORY, TOO_LITTLE_MEMORY } from '../least-sizes.js';
import { MultipassError } from '../../errors.js';
import type { InstanceReading } from '../read-instance.js';
import type { NetworkInterface } from '../records/interface.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { bytesOf, wholeSectors } from '../../memory-size.js';
import type { InstanceSpec } from '../records/spec.js';
import { readSnapshots } from '../read-snapshots.js';
import { requireSnapshot, snapshotViews } from '../snapshots/snapshot-list.js';
import type { CloneOverrides } from './clone-request.js';

/** The state of a source that is cloned: its active one, or that of a snapshot. */
export interface SourceState {
  /** What the clone's spec is made from: of a snapshot, the source's with the resources it had then. */
  readonly spec: InstanceSpec;
  /** Name of the snapshot, or null. */
  readonly snapshot: string | null;
  /** Tag of the snapshot in the disk, or undefined. */
  readonly tag: string | undefined;
}

/**
 * The state that is asked for, with the overrides in its spec.
 * @throws MultipassError SNAPSHOT_NOT_FOUND; INVALID_ARGUMENT for an override that cannot be; RecordError
 */
export function sourceState(
  reading: InstanceReading,
  snapshot: string | undefined,
  overrides: CloneOverrides = {},
): SourceState {
  const { name, dir, pending, spec } = reading;
  if (snapshot === undefined) {
    return { spec: overridden(spec, overrides), snapshot: null, tag: undefined };
  }
  const views = snapshotViews(name, readSnapshots(dir, pending));
  const { record } = requireSnapshot(views, snapshot, name);
  const tag = snapshotTag(record.index);
  // One that a killed command was taking is there once the source is opened, which finishes that.
  const isBeingTaken = pending?.step.operation === 'snapshot' && pending.step.tag === tag;
  if (!isBeingTaken && !reading.disk.snapshots.some((one) => one.name === tag)) {
    throw new MultipassError(
      'SNAPSHOT_NOT_FOUND',
      `the disk of "${name}" has no state of the snapshot "${snapshot}" (${tag})`,
      {
        hint: `Remove its record (\`multipass delete --purge ${name}.${snapshot}\`): the snapshot is lost.`,
        details: { instance: name, snapshot, tag },
      },
    );
  }
  return { spec: overridden(specThen(spec, record), overrides), snapshot, tag };
}

function specThen(spec: InstanceSpec, record: SnapshotRecord): InstanceSpec {
  const { cpus, memory, disk, mounts } = record;
  const [first = spec.interfaces[0], ...rest] = record.interfaces;
  const interfaces: [NetworkInterface, ...NetworkInterface[]] = [first, ...rest];
  return { ...spec, cpus, memory, disk, mounts, interfaces };
}

function overridden(spec: InstanceSpec, overrides: CloneOverrides): InstanceSpec {
  const { cpus = spec.cpus, noMounts = false } = overrides;
  const memory = bytesOf(overrides.memory ?? spec.memory, 'memory');
  if (!Number.isSafeInteger(cpus) || cpus < 1) {
    throw refused(`invalid CPU count '${cpus}', need a positive integer value`);
  }
  if (overrides.memory !== undefined && memory < LEAST_MEMORY) {
    throw refused(TOO_LITTLE_MEMORY);
  }
  const wanted = bytesOf(overrides.disk ?? spec.disk, 'disk');
  if (wanted < spec.disk) throw refused('Disk can only be expanded');
  const disk = overrides.disk === undefined ? spec.disk : wholeSectors(wanted);
  return { ...spec, cpus, memory, disk, mounts: noMounts ? [] : spec.mounts };
}

function refused(message: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', message, {
    hint: 'Leave the option out: the clone then has what its source has.',
  });
}
