import type { DiskBytes } from './disk-bytes.js';

/*
 * The format is that of Microsoft's "[MS-VHDX]: Virtual Hard Disk v2 File Format": a table of regions, one of which has
 * the metadata, one item of which are the parameters of the file.
 */

const MAGIC = 'vhdxfile';
const MIB = 1024 ** 2;
const REGION_TABLES = [192 * 1024, 256 * 1024];
const METADATA_REGION = Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex');
const BLOCKS_REGION = Buffer.from('6677c22d23f600429d64115e9bfd4a08', 'hex');
const FILE_PARAMETERS = Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex');
const ENTRY_SIZE = 32;
const MAX_ENTRIES = 2047;
const VIRTUAL_SIZE = Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex');
const SECTOR_SIZE = Buffer.from('1dbf41816fa90947ba47f233a8faab5f', 'hex');
const HAS_PARENT = 0b10;
/** Of an entry of the table of blocks: what is in the file, and where, in MiB. */
const BLOCK = {
  stateMask: 0b111n,
  isThere: 6n,
  placeShift: 20n,
  sectorsOfChunk: 2 ** 23,
  mostBytes: 64 * MIB,
};

/** Whether a file says of itself that it is a vhdx disk. */
export function isVhdx(bytes: DiskBytes): boolean {
  return bytes.upTo(0, MAGIC.length).toString('latin1') === MAGIC;
}

/**
 * What keeps a vhdx disk from being taken.
 * @returns as a sentence goes on after the disk; undefined when it stands alone
 */
export function vhdxProblem(bytes: DiskBytes): string | undefined {
  const parameters = itemsOf(bytes, FILE_PARAMETERS);
  if (parameters.length === 0) return 'as a vhdx disk, it is cut off or damaged';
  return parameters.some((item) => (item.readUInt32LE(4) & HAS_PARENT) !== 0)
    ? 'it stands on another file'
    : undefined;
}

/** How long the file of a vhdx disk has to be at least, in bytes, by the table of its blocks. */
export function endOfVhdx(bytes: DiskBytes): number {
  const blockSize = itemsOf(bytes, FILE_PARAMETERS)[0]?.readUInt32LE(0) ?? 0;
  const size = Number(itemsOf(bytes, VIRTUAL_SIZE)[0]?.readBigUInt64LE(0) ?? 0n);
  const sector = itemsOf(bytes, SECTOR_SIZE)[0]?.readUInt32LE(0) ?? 512;
  // No such disk can be read: that is for qemu-img to say.
  if (blockSize === 0) return 0;
  const chunk = Math.max(1, Math.floor((BLOCK.sectorsOfChunk * sector) / blockSize));
  const ends = regionsOf(bytes, BLOCKS_REGION).map((region) => {
    const [at, length] = [Number(region.readBigUInt64LE(16)), region.readUInt32LE(24)];
    if (at + length > bytes.size) return at + length;
    const table = bytes.upTo(at, Math.min(length, BLOCK.mostBytes));
    let end = 0;
    for (let index = 0; (index + 1) * 8 <= table.length; index += 1) {
      const entry = table.readBigUInt64LE(index * 8);
      if ((entry & BLOCK.stateMask) !== BLOCK.isThere) continue;
      // Behind the blocks of each chunk there is an entry that tells of their sectors.
      const left = size - (index - Math.floor(index / (chunk + 1))) * blockSize;
      // The block that the disk ends in need not be whole.
      const used = left <= 0 ? 1 : Math.min(blockSize, left);
      end = Math.max(end, Number(entry >> BLOCK.placeShift) * MIB + used);
    }
    return end;
  });
  return Math.max(0, ...ends);
}

/** Either table of regions may be the one that is read. */
function regionsOf(bytes: DiskBytes, id: Buffer): Buffer[] {
  return REGION_TABLES.flatMap((at) =>
    entriesOf(bytes, { at, first: 16, countAt: 8, magic: 'regi' }),
  ).filter((entry) => entry.subarray(0, 16).equals(id));
}

/** What the metadata say under an id, in 8 bytes. */
function itemsOf(bytes: DiskBytes, id: Buffer): Buffer[] {
  return regionsOf(bytes, METADATA_REGION).flatMap((region) => {
    const at = Number(region.readBigUInt64LE(16));
    return entriesOf(bytes, { at, first: 32, countAt: 10, magic: 'metadata' })
      .filter((entry) => entry.subarray(0, 16).equals(id))
      .map((entry) => Buffer.from(bytes.upTo(at + entry.readUInt32LE(16), 8)))
      .filter((item) => item.length === 8);
  });
}

function entriesOf(
  bytes: DiskBytes,
  table: {
    readonly at: number;
    readonly first: number;
    readonly countAt: number;
    readonly magic: string;
  },
): Buffer[] {
  const header = bytes.upTo(table.at, table.first);
  if (header.length < table.first || !header.toString('latin1').startsWith(table.magic)) return [];
  const count = Math.min(header.readUInt16LE(table.countAt), MAX_ENTRIES);
  const entries = Buffer.from(bytes.upTo(table.at + table.first, count * ENTRY_SIZE));
  return Array.from({ length: Math.floor(entries.length / ENTRY_SIZE) }, (_, index) =>
    entries.subarray(index * ENTRY_SIZE, (index + 1) * ENTRY_SIZE),
  );
}
