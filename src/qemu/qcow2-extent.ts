import { inflateRawSync, constants } from 'node:zlib';
import type { DiskBytes } from './disk-bytes.js';

/** How much of the tables is looked at, in bytes: those of a disk of 512 GiB; the rest is `qemu-img check`'s. */
const MAX_TABLES = 64 * 1024 ** 2;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const READS_AS_ZEROS = 1n;
const [COMPRESSION_TYPE, EXTENDED_L2] = [1n << 3n, 1n << 4n];
const SUBCLUSTERS = 32;
const SECTOR = 512;
/** How many compressed clusters are unpacked at most: those that the end of the file is in. */
const MAX_UNPACKED = 64;

interface Layout {
  readonly clusterSize: number;
  readonly clusterBits: number;
  readonly hasSubclusters: boolean;
  /** Whether clusters are packed with deflate: what else they may be packed with is not looked into. */
  readonly isDeflate: boolean;
  /** Bytes. */
  readonly virtualSize: number;
}

/**
 * Looks through the tables of a qcow2 image's active state for what would be beyond the end of the file: so a copy or a
 * download that was broken off is told, be it in the middle of its last cluster. QEMU writes clusters whole, but for
 * the one in which the guest's disk ends, and compressed ones. The format is that of QEMU's docs/interop/qcow2.txt.
 * @returns how long the file would have to be at least, in bytes; undefined when nothing is missing
 * @throws MultipassError DISK_INVALID when a table itself cannot be read
 */
export function missingEnd(bytes: DiskBytes): number | undefined {
  const version = bytes.at(4, 4).readUInt32BE(0);
  const header = Buffer.from(bytes.at(0, version === 2 ? 72 : 104));
  const clusterBits = header.readUInt32BE(20);
  const features = version === 2 ? 0n : header.readBigUInt64BE(72);
  const layout: Layout = {
    clusterSize: 2 ** clusterBits,
    clusterBits,
    hasSubclusters: (features & EXTENDED_L2) !== 0n,
    isDeflate: (features & COMPRESSION_TYPE) === 0n,
    virtualSize: bytes.safeInteger(header, 24, 'its size'),
  };
  const needed = Math.max(endOfData(bytes, header, layout), endOfCounts(bytes, header, layout));
  return needed > bytes.size ? needed : undefined;
}

/** Where the last of the clusters ends that the guest's disk is made of. */
function endOfData(bytes: DiskBytes, header: Buffer, layout: Layout): number {
  const { clusterSize, hasSubclusters } = layout;
  const l1 = bytes.safeInteger(header, 40, 'the place of its L1 table');
  const count = header.readUInt32BE(36);
  const entrySize = hasSubclusters ? 16 : 8;
  const covered = (clusterSize / entrySize) * clusterSize;

  const seen = new Set<number>();
  const packed: bigint[] = [];
  let needed = 0;
  for (let index = 0; index < count && seen.size * clusterSize < MAX_TABLES; index += 1) {
    const at = Number(bytes.at(l1 + 8 * index, 8).readBigUInt64BE(0) & OFFSET_MASK);
    if (at === 0 || seen.has(at)) continue;
    seen.add(at);
    if (at + clusterSize > bytes.size) return at + clusterSize;
    const table = bytes.at(at, clusterSize);
    for (let place = 0; place < clusterSize; place += entrySize) {
      const entry = table.readBigUInt64BE(place);
      if (entry === 0n) continue;
      if ((entry & COMPRESSED) !== 0n) {
        needed = Math.max(needed, lastSectorOf(entry, layout) + 1);
        if (lastSectorOf(entry, layout) + SECTOR > bytes.size) packed.push(entry);
        continue;
      }
      const guest = index * covered + (place / entrySize) * clusterSize;
      const subclusters = hasSubclusters ? table.readUInt32BE(place + 12) : undefined;
      needed = Math.max(needed, endOfCluster(entry, { guest, subclusters, layout }));
    }
  }
  if (needed > bytes.size || !layout.isDeflate) return needed;
  const cut = packed.slice(-MAX_UNPACKED).find((entry) => !isWhole(bytes, entry, layout));
  return cut === undefined ? needed : Math.max(bytes.size, lastSectorOf(cut, layout)) + 1;
}

/** The least length of a file that a cluster as it is, at a place of the guest's disk, is whole in. */
function endOfCluster(
  entry: bigint,
  {
    guest,
    subclusters,
    layout,
  }: {
    readonly guest: number;
    /** A bit for each that is there; undefined where there are none. */
    readonly subclusters: number | undefined;
    readonly layout: Layout;
  },
): number {
  const { clusterSize, virtualSize } = layout;
  const at = Number(entry & OFFSET_MASK);
  if (at === 0) return 0;
  if (subclusters === undefined && (entry & READS_AS_ZEROS) !== 0n) return 0;
  const left = virtualSize - guest;
  // Beyond the guest's disk there is the memory of a machine that was being saved.
  if (left <= 0) return at + 1;
  if (subclusters === undefined) return at + Math.min(clusterSize, left);
  const there = SUBCLUSTERS - Math.clz32(subclusters);
  return at + Math.min((clusterSize / SUBCLUSTERS) * there, left);
}

/** Where the last sector begins that a compressed cluster has a part of; it need not be whole. */
function lastSectorOf(entry: bigint, { clusterBits }: Layout): number {
  const width = BigInt(62 - (clusterBits - 8));
  const at = placeOf(entry, width);
  const more = Number((entry & (COMPRESSED - 1n)) >> width);
  return at - (at % SECTOR) + more * SECTOR;
}

function placeOf(entry: bigint, width: bigint): number {
  return Number(entry & ((1n << width) - 1n));
}

/** Whether what is there of a compressed cluster is all of it. One that is damaged is not cut off. */
function isWhole(bytes: DiskBytes, entry: bigint, layout: Layout): boolean {
  const { clusterSize, clusterBits } = layout;
  const at = placeOf(entry, BigInt(62 - (clusterBits - 8)));
  const there = bytes.upTo(at, lastSectorOf(entry, layout) + SECTOR - at);
  try {
    const settings = { maxOutputLength: clusterSize, finishFlush: constants.Z_SYNC_FLUSH };
    return inflateRawSync(there, settings).length === clusterSize;
  } catch {
    return true;
  }
}

/** Where the last of the blocks ends that count how often each cluster is used. */
function endOfCounts(bytes: DiskBytes, header: Buffer, { clusterSize }: Layout): number {
  const table = bytes.safeInteger(header, 48, 'the place of its refcount table');
  const length = header.readUInt32BE(56) * clusterSize;
  if (table + length > bytes.size) return table + length;
  let last = -1;
  for (let place = 0; place < Math.min(length, MAX_TABLES); place += 8) {
    const at = Number(bytes.at(table + place, 8).readBigUInt64BE(0) & OFFSET_MASK);
    last = Math.max(last, at === 0 ? -1 : at);
  }
  return last === -1 ? 0 : last + clusterSize;
}
