import type { DiskBytes } from './disk-bytes.js';

/** Of a sparse vmdk disk's header: VMware's "Virtual Disk Format 5.0". All places and lengths are in sectors. */
const HEADER = { flags: 8, capacity: 12, grain: 20, entries: 44, directory: 56 };
const [COMPRESSED, HAS_MARKERS] = [1 << 16, 1 << 17];
/** Before a compressed grain: its place on the disk, 8 bytes, and its length in bytes, 4. */
const MARKER = { size: 12, lengthAt: 8 };
const SECTOR = 512;
/** How much of the tables is looked at, in bytes: those of a disk of 1 TiB. */
const MAX_TABLES = 64 * 1024 ** 2;
/** In place of where a grain is: there is none, or it is all zeros. */
const LAST_OF_NO_GRAIN = 1;

/**
 * How long the file of a sparse vmdk disk has to be at least, in bytes, by its tables of grains.
 * @param header the one that counts: at the beginning, or in the footer
 */
export function endOfVmdk(bytes: DiskBytes, header: Buffer): number {
  const flags = header.readUInt32LE(HEADER.flags);
  const capacity = Number(header.readBigUInt64LE(HEADER.capacity));
  const grain = Number(header.readBigUInt64LE(HEADER.grain));
  const entries = header.readUInt32LE(HEADER.entries);
  const directory = Number(header.readBigUInt64LE(HEADER.directory)) * SECTOR;
  // No such disk can be read: that is for qemu-img to say.
  if (grain === 0 || entries === 0) return 0;
  const tables = Math.min(Math.ceil(capacity / (grain * entries)), MAX_TABLES / 4);
  if (directory + tables * 4 > bytes.size) return directory + tables * 4;
  const list = Buffer.from(bytes.at(directory, tables * 4));

  const last = { at: 0, index: 0 };
  const size = entries * 4;
  for (let index = 0, read = 0; index < tables && read < MAX_TABLES; index += 1) {
    const place = list.readUInt32LE(index * 4) * SECTOR;
    if (place === 0) continue;
    if (place + size > bytes.size) return place + size;
    read += size;
    const table = bytes.at(place, size);
    for (let entry = 0; entry < entries; entry += 1) {
      const at = table.readUInt32LE(entry * 4);
      if (at > LAST_OF_NO_GRAIN && at > last.at) {
        Object.assign(last, { at, index: index * entries + entry });
      }
    }
  }
  if (last.at === 0) return 0;
  const at = last.at * SECTOR;
  if ((flags & COMPRESSED) === 0) {
    return at + Math.min(grain, Math.max(0, capacity - last.index * grain)) * SECTOR;
  }
  if ((flags & HAS_MARKERS) === 0) return at + 1;
  const marker = bytes.upTo(at, MARKER.size);
  if (marker.length < MARKER.size) return at + MARKER.size;
  return at + MARKER.size + marker.readUInt32LE(MARKER.lengthAt);
}
