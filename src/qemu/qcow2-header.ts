import { withDiskBytes, type DiskBytes } from './disk-bytes.js';
import { readSnapshotTable, type Qcow2Snapshot } from './qcow2-snapshots.js';

/** What the header and the snapshot table of a qcow2 image say. Sizes are in bytes. */
export interface Qcow2Facts {
  readonly version: 2 | 3;
  /** The size the guest sees. */
  readonly virtualSize: number;
  readonly clusterSize: number;
  /** As the header has it: a relative one is meant from the image's own folder. */
  readonly backingFile: string | null;
  readonly backingFormat: string | null;
  readonly snapshots: readonly Qcow2Snapshot[];
  /** Its reference counts are out of date: QEMU repairs them when it opens the image for writing. */
  readonly dirty: boolean;
  /** QEMU found it damaged, and refuses to write to it. */
  readonly corrupt: boolean;
  /** The guest's data are in another file. */
  readonly externalData: boolean;
  readonly encrypted: boolean;
}

const MAGIC = 0x51_46_49_fb;
const V2_HEADER_SIZE = 72;
const V3_HEADER_SIZE = 104;
const BACKING_FORMAT_EXTENSION = 0xe2_79_2a_ca;
const MAX_BACKING_FILE = 1023;
/** How much of an L1 table is looked at in one go, in bytes. */
const L1_WINDOW = 4096;

/** The incompatible features that QEMU 7.2 knows: dirty, corrupt, external data, compression, extended L2. */
const DIRTY = 1n << 0n;
const CORRUPT = 1n << 1n;
const EXTERNAL_DATA = 1n << 2n;
const KNOWN_FEATURES = 0b1_1111n;

/**
 * Reads an image's facts without a process: one read, and one more when there are snapshots. It checks what it
 * reads, not the clusters behind it: that is `qemu-img check`. The format is that of QEMU's docs/interop/qcow2.txt.
 *
 * @throws MultipassError DISK_INVALID when it is no qcow2 image, or is cut off or damaged where these facts are;
 *   IO_ERROR, PERMISSION_DENIED
 */
export function readQcow2(path: string): Qcow2Facts {
  return withDiskBytes(path, factsOf);
}

/**
 * Whether a file says of itself that it is a qcow2 image; false for anything shorter or other.
 * @throws MultipassError DISK_INVALID when it is no regular file; IO_ERROR, PERMISSION_DENIED
 */
export function isQcow2(path: string): boolean {
  return withDiskBytes(path, hasMagic);
}

/** Whether one of the image's internal snapshots has this very name. */
export function hasSnapshotNamed(facts: Qcow2Facts, name: string): boolean {
  return facts.snapshots.some((snapshot) => snapshot.name === name);
}

/**
 * Whether an image has written anything of its own, in its active state: with an empty L1 table it shows nothing but
 * its backing file. An L1 entry that is zero means that none of its clusters is allocated (docs/interop/qcow2.txt).
 * @throws MultipassError DISK_INVALID; IO_ERROR, PERMISSION_DENIED
 */
export function hasOwnData(path: string): boolean {
  return withDiskBytes(path, (bytes) => {
    const header = bytes.at(0, V2_HEADER_SIZE);
    const offset = bytes.safeInteger(header, 40, 'the place of its L1 table');
    const length = 8 * header.readUInt32BE(36);
    for (let at = 0; at < length; at += L1_WINDOW) {
      const piece = bytes.at(offset + at, Math.min(L1_WINDOW, length - at));
      if (piece.some((byte) => byte !== 0)) return true;
    }
    return false;
  });
}

/** Whether an open file says of itself that it is a qcow2 image. */
export function hasMagic(bytes: DiskBytes): boolean {
  return bytes.size >= 4 && bytes.at(0, 4).readUInt32BE(0) === MAGIC;
}

/** As {@link readQcow2}, of an open file. @throws MultipassError DISK_INVALID */
export function factsOf(bytes: DiskBytes): Qcow2Facts {
  if (!hasMagic(bytes)) bytes.fail('it does not begin like one');
  const version = bytes.at(0, 8).readUInt32BE(4);
  if (version !== 2 && version !== 3) bytes.fail(`version ${version} is unknown`);

  const header = bytes.at(0, version === 2 ? V2_HEADER_SIZE : V3_HEADER_SIZE);
  const features = version === 2 ? 0n : header.readBigUInt64BE(72);
  if ((features & ~KNOWN_FEATURES) !== 0n) {
    bytes.fail(`it needs unknown features (0x${features.toString(16)})`);
  }
  const clusterSize = readClusterSize(bytes, header);
  checkL1Table(bytes, header, clusterSize);
  const cryptMethod = header.readUInt32BE(32);
  if (cryptMethod > 2) bytes.fail(`encryption method ${cryptMethod} is unknown`);
  return {
    version,
    virtualSize: bytes.safeInteger(header, 24, 'its virtual size'),
    clusterSize,
    ...readBacking(bytes, header, clusterSize),
    dirty: (features & DIRTY) !== 0n,
    corrupt: (features & CORRUPT) !== 0n,
    externalData: (features & EXTERNAL_DATA) !== 0n,
    encrypted: cryptMethod !== 0,
    snapshots: readSnapshots(bytes, header, clusterSize),
  };
}

function readClusterSize(bytes: DiskBytes, header: Buffer): number {
  const bits = header.readUInt32BE(20);
  if (bits < 9 || bits > 21) bytes.fail(`clusters of 2^${bits} bytes are not allowed`);
  return 2 ** bits;
}

/** A copy that was broken off is told by this: QEMU opens it without a word. */
function checkL1Table(bytes: DiskBytes, header: Buffer, clusterSize: number): void {
  const end =
    bytes.safeInteger(header, 40, 'the place of its L1 table') + 8 * header.readUInt32BE(36);
  // The same tolerance as `qemu-img check`: the last cluster of a file need not be whole.
  if (end >= bytes.size + clusterSize) {
    bytes.fail(`it is cut off: it ends at byte ${bytes.size}, but its L1 table at ${end}`);
  }
}

function readBacking(
  bytes: DiskBytes,
  header: Buffer,
  clusterSize: number,
): Pick<Qcow2Facts, 'backingFile' | 'backingFormat'> {
  const offset = bytes.safeInteger(header, 8, 'the place of its backing file name');
  const size = header.readUInt32BE(16);
  if (offset === 0 || size === 0) return { backingFile: null, backingFormat: null };
  if (size > MAX_BACKING_FILE || offset + size > clusterSize) {
    bytes.fail('its backing file name is too long or in a wrong place');
  }
  return {
    backingFile: bytes.text(bytes.at(offset, size), 'its backing file name'),
    backingFormat: readBackingFormat(bytes, header, offset),
  };
}

/** Looks through the header extensions, which lie between the header and the backing file's name. */
function readBackingFormat(bytes: DiskBytes, header: Buffer, end: number): string | null {
  let offset = header.length === V2_HEADER_SIZE ? V2_HEADER_SIZE : header.readUInt32BE(100);
  if (offset < header.length) bytes.fail(`a header of ${offset} bytes is too short`);
  while (offset + 8 <= end) {
    const extension = bytes.at(offset, 8);
    const type = extension.readUInt32BE(0);
    const size = extension.readUInt32BE(4);
    if (type === 0) break;
    if (size > end - offset - 8) bytes.fail('a header extension is too long');
    if (type === BACKING_FORMAT_EXTENSION) {
      return bytes.text(bytes.at(offset + 8, size), 'its backing format') || null;
    }
    offset += 8 + Math.ceil(size / 8) * 8;
  }
  return null;
}

function readSnapshots(bytes: DiskBytes, header: Buffer, clusterSize: number): Qcow2Snapshot[] {
  const count = header.readUInt32BE(60);
  if (count === 0) return [];
  const offset = bytes.safeInteger(header, 64, 'the place of its snapshot table');
  if (offset === 0 || offset % clusterSize !== 0) {
    bytes.fail(`a snapshot table at ${offset} is in a wrong place`);
  }
  return readSnapshotTable(bytes, { offset, count });
}
