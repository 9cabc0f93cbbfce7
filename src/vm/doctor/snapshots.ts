import { MultipassError } from '../../errors.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { InstanceReading } from '../read-instance.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from '../read-snapshots.js';
import { strayTags } from '../snapshots/stray-tags.js';
import type { Examination } from './examination.js';

/** Records of snapshots, and what the disks hold of them. */
export function checkSnapshots(examination: Examination): void {
  for (const { name, reading } of examination.instances) {
    if (examination.isBusy(name)) continue;
    const records = reading && readAll(examination, reading);
    if (reading === undefined || records === undefined) continue;
    const { name: instance, dir } = reading;
    for (const { tag } of strayTags(reading, records)) {
      examination.note('snapshot-tag-stray', {
        instance,
        path: dir.disk,
        message: `the disk of "${instance}" holds a snapshot "${tag}" that has no record`,
        hint: `It takes space. Put its record back, or remove it: qemu-img snapshot -d '${tag}' '${dir.disk}'`,
      });
    }
    // With an operation pending the records are as they will be, and the disk is as it was.
    if (reading.pending === undefined) checkRecords(examination, reading, records);
  }
}

function checkRecords(
  examination: Examination,
  { name: instance, dir, disk, spec }: InstanceReading,
  records: readonly SnapshotRecord[],
): void {
  const indexes = new Set([0, ...records.map(({ index }) => index)]);
  for (const { index, name, parent } of records) {
    if (!hasSnapshotNamed(disk, snapshotTag(index))) {
      examination.note('snapshot-tag-missing', {
        instance,
        path: dir.disk,
        message: `the disk of "${instance}" has lost the state of its snapshot "${name}"`,
        hint: `Put back a copy of the disk, or remove the snapshot: \`multipass delete --purge ${instance}.${name}\``,
      });
    }
    if (!indexes.has(parent)) {
      examination.note('snapshot-parent-missing', {
        instance,
        path: dir.snapshots,
        message: `the snapshot "${instance}.${name}" descends from number ${parent}, which has no record`,
        hint: 'Put the record of that snapshot back from a copy.',
      });
    }
  }
  if (!indexes.has(spec.snapshotHead)) {
    examination.note('snapshot-parent-missing', {
      instance,
      path: dir.spec,
      message: `"${instance}" descends from snapshot number ${spec.snapshotHead}, which has no record`,
      hint: 'Put the record of that snapshot back from a copy.',
    });
  }
}

function readAll(
  examination: Examination,
  { name, dir, pending }: InstanceReading,
): SnapshotRecord[] | undefined {
  try {
    return readSnapshots(dir, pending);
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    const { message, hint = '', details } = error;
    const path = typeof details['path'] === 'string' ? details['path'] : dir.snapshots;
    examination.note('record-invalid', { instance: name, path, message, hint });
    return undefined;
  }
}
