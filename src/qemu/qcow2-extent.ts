import type { DiskBytes } from './disk-bytes.js';

/** How much of the tables is looked at, in bytes: those of a disk of 512 GiB; the rest is `qemu-img check`'s. */
const MAX_TABLES = 64 * 1024 ** 2;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const EXTENDED_L2 = 1n << 4n;
const SECTOR = 512;

/**
 * Looks through the tables of a qcow2 image's active state for clusters beyond the end of the file: so a copy or a
 * download that was broken off is told. The format is that of QEMU's docs/interop/qcow2.txt.
 * @returns how long the file would have to be at least, in bytes; undefined when nothing is missing
 * @throws MultipassError DISK_INVALID when a table itself cannot be read
 */
export function missingEnd(bytes: DiskBytes): number | undefined {
  const version = bytes.at(4, 4).readUInt32BE(0);
  const header = bytes.at(0, version === 2 ? 72 : 104);
  const clusterBits = header.readUInt32BE(20);
  const clusterSize = 2 ** clusterBits;
  const features = version === 2 ? 0n : header.readBigUInt64BE(72);
  const l1 = bytes.safeInteger(header, 40, 'the place of its L1 table');
  const count = header.readUInt32BE(36);
  const entrySize = (features & EXTENDED_L2) === 0n ? 8 : 16;

  const seen = new Set<number>();
  let needed = 0;
  for (let index = 0; index < count && seen.size * clusterSize < MAX_TABLES; index += 1) {
    const at = Number(bytes.at(l1 + 8 * index, 8).readBigUInt64BE(0) & OFFSET_MASK);
    if (at === 0 || seen.has(at)) continue;
    seen.add(at);
    if (at + clusterSize > bytes.size) return at + clusterSize;
    const table = bytes.at(at, clusterSize);
    for (let place = 0; place < clusterSize; place += entrySize) {
      needed = Math.max(needed, endOf(table.readBigUInt64BE(place), clusterBits));
    }
  }
  return needed > bytes.size ? needed : undefined;
}

/** The least length of a file that an entry of an L2 table is right in. */
function endOf(entry: bigint, clusterBits: number): number {
  if ((entry & COMPRESSED) === 0n) {
    const at = Number(entry & OFFSET_MASK);
    // The last cluster of a file need not be whole.
    return at === 0 ? 0 : at + 1;
  }
  const width = BigInt(62 - (clusterBits - 8));
  const at = Number(entry & ((1n << width) - 1n));
  const more = Number((entry & (COMPRESSED - 1n)) >> width);
  // Its length is told in sectors, the last of which need not be whole.
  return at - (at % SECTOR) + more * SECTOR + 1;
}
