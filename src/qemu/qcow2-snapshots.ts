import type { DiskBytes } from './disk-bytes.js';

/** An internal snapshot of a qcow2 image. */
export interface Qcow2Snapshot {
  /** What QEMU numbers it with. */
  readonly id: string;
  /** Its tag: `@s1`, `suspend`, … QEMU allows the same one twice. */
  readonly name: string;
  /** Bytes of saved machine state; 0 when only the disk was saved. */
  readonly vmStateSize: number;
  /** Virtual size of the disk when it was taken, in bytes; null when the image does not say. */
  readonly diskSize: number | null;
}

/** Limits of QEMU (block/qcow2.h), so that whatever QEMU opens is read here too. */
const MAX_SNAPSHOTS = 65_536;
const MAX_TABLE_SIZE = 64 * 1024 * 1024;
const MAX_EXTRA_DATA = 1024;

const FIXED_SIZE = 40;

/**
 * Reads the snapshot table; its format is that of QEMU's docs/interop/qcow2.txt, "Snapshots".
 * @param table where it begins, in bytes, and how many entries it has, both as the header says
 * @throws MultipassError DISK_INVALID
 */
export function readSnapshotTable(
  bytes: DiskBytes,
  table: { readonly offset: number; readonly count: number },
): Qcow2Snapshot[] {
  if (table.count > MAX_SNAPSHOTS) bytes.fail(`${table.count} snapshots are absurd`);
  const snapshots: Qcow2Snapshot[] = [];
  let offset = table.offset;
  while (snapshots.length < table.count) {
    const { snapshot, size } = readEntry(bytes, offset);
    snapshots.push(snapshot);
    offset += Math.ceil(size / 8) * 8;
    if (offset - table.offset > MAX_TABLE_SIZE) bytes.fail('its snapshot table is too large');
  }
  return snapshots;
}

function readEntry(bytes: DiskBytes, offset: number): { snapshot: Qcow2Snapshot; size: number } {
  const fixed = bytes.at(offset, FIXED_SIZE);
  const idSize = fixed.readUInt16BE(12);
  const nameSize = fixed.readUInt16BE(14);
  const shortVmStateSize = fixed.readUInt32BE(32);
  const extraSize = fixed.readUInt32BE(36);
  if (extraSize > MAX_EXTRA_DATA) bytes.fail('a snapshot has too much extra data');

  const size = FIXED_SIZE + extraSize + idSize + nameSize;
  const entry = bytes.at(offset, size);
  const idStart = FIXED_SIZE + extraSize;
  const nameStart = idStart + idSize;
  return {
    snapshot: {
      id: bytes.text(entry.subarray(idStart, nameStart), 'the id of a snapshot'),
      name: bytes.text(entry.subarray(nameStart, size), 'the name of a snapshot'),
      vmStateSize:
        extraSize >= 8
          ? bytes.safeInteger(entry, FIXED_SIZE, 'the state size of a snapshot')
          : shortVmStateSize,
      diskSize:
        extraSize >= 16
          ? bytes.safeInteger(entry, FIXED_SIZE + 8, 'the disk size of a snapshot')
          : null,
    },
    size,
  };
}
