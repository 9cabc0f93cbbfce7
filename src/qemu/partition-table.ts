import type { DiskBytes } from './disk-bytes.js';

const SECTOR = 512;
/** A master boot record: four entries of 16 bytes before its signature. */
const MBR = { at: 446, entries: 4, entrySize: 16, flags: [0, 0x80], protective: 0xee };
/** A GUID partition table, in the second sector; the UEFI specification, section 5.3. */
const GPT = { magic: 'EFI PART', sectorSizes: [512, 4096], maxTable: 1024 ** 2 };

/**
 * Where the last partition of a raw disk ends, in bytes; 0 when it has no partitions. A disk that is shorter was cut
 * off. The table itself may be damaged or a boot loader's code: what cannot be one is none.
 */
export function endOfPartitions(bytes: DiskBytes): number {
  return Math.max(...GPT.sectorSizes.map((size) => endOfGpt(bytes, size)), endOfMbr(bytes));
}

function endOfMbr(bytes: DiskBytes): number {
  const table = bytes.upTo(MBR.at, MBR.entries * MBR.entrySize);
  if (table.length < MBR.entries * MBR.entrySize) return 0;
  const entries = Array.from({ length: MBR.entries }, (_, index) =>
    table.subarray(index * MBR.entrySize, (index + 1) * MBR.entrySize),
  );
  if (entries.some((entry) => !MBR.flags.includes(entry.readUInt8(0)))) return 0;
  const used = entries.filter((entry) => entry.readUInt8(4) !== 0);
  // It stands for a GPT, and for a disk of whatever size.
  if (used.some((entry) => entry.readUInt8(4) === MBR.protective)) return 0;
  const ends = used.map((entry) => (entry.readUInt32LE(8) + entry.readUInt32LE(12)) * SECTOR);
  return Math.max(0, ...ends);
}

function endOfGpt(bytes: DiskBytes, sectorSize: number): number {
  const header = Buffer.from(bytes.upTo(sectorSize, SECTOR));
  if (header.length < SECTOR || header.toString('latin1', 0, 8) !== GPT.magic) return 0;
  const at = Number(header.readBigUInt64LE(72)) * sectorSize;
  const [count, size] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count === 0 || size < 128 || count * size > GPT.maxTable) return 0;
  const table = bytes.upTo(at, count * size);
  if (table.length < count * size) return at + count * size;
  const ends = Array.from({ length: count }, (_, index) => {
    const isUsed = table.subarray(index * size, index * size + 16).some((byte) => byte !== 0);
    return isUsed ? (Number(table.readBigUInt64LE(index * size + 40)) + 1) * sectorSize : 0;
  });
  return Math.max(0, ...ends);
}
