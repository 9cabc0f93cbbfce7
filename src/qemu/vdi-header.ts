import type { DiskBytes } from './disk-bytes.js';

/*
 * VirtualBox's own format, as its header says of itself: kinds that stand alone, where it names others, and a map of
 * the blocks of the disk.
 */

const MAGIC = { at: 64, bytes: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) };
const HEADER_SIZE = 512;
const KIND = { at: 76, dynamic: 1, fixed: 2 };
const OTHERS = { linkAt: 424, parentAt: 440, uuidSize: 16 };
const MAP = {
  placeAt: 340,
  dataAt: 344,
  blockSizeAt: 376,
  countAt: 384,
  mostBytes: 64 * 1024 ** 2,
};
/** From here on an entry of the map says that there is no such block in the file. */
const NO_BLOCK = 0xffff_fffe;

/** Whether a file says of itself that it is a vdi disk. */
export function isVdi(bytes: DiskBytes): boolean {
  return bytes.upTo(MAGIC.at, MAGIC.bytes.length).equals(MAGIC.bytes);
}

/**
 * Whether a vdi disk stands alone.
 * @throws MultipassError DISK_INVALID when its header is cut off
 */
export function vdiStandsAlone(bytes: DiskBytes): boolean {
  const header = bytes.at(0, HEADER_SIZE);
  const kind = header.readUInt32LE(KIND.at);
  if (kind !== KIND.dynamic && kind !== KIND.fixed) return false;
  return [OTHERS.linkAt, OTHERS.parentAt].every((at) =>
    header.subarray(at, at + OTHERS.uuidSize).equals(Buffer.alloc(OTHERS.uuidSize)),
  );
}

/**
 * How long the file of a vdi disk has to be at least, in bytes, by the map of its blocks, which are whole.
 * @throws MultipassError DISK_INVALID when its header is cut off
 */
export function endOfVdi(bytes: DiskBytes): number {
  const header = Buffer.from(bytes.at(0, HEADER_SIZE));
  const place = header.readUInt32LE(MAP.placeAt);
  const length = header.readUInt32LE(MAP.countAt) * 4;
  if (place + length > bytes.size) return place + length;
  const map = bytes.upTo(place, Math.min(length, MAP.mostBytes));
  let blocks = 0;
  for (let at = 0; at + 4 <= map.length; at += 4) {
    const block = map.readUInt32LE(at);
    if (block < NO_BLOCK) blocks = Math.max(blocks, block + 1);
  }
  return header.readUInt32LE(MAP.dataAt) + blocks * header.readUInt32LE(MAP.blockSizeAt);
}
