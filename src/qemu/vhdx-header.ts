import type { DiskBytes } from './disk-bytes.js';

/*
 * The format is that of Microsoft's "[MS-VHDX]: Virtual Hard Disk v2 File Format": a table of regions, one of which has
 * the metadata, one item of which are the parameters of the file.
 */

const MAGIC = 'vhdxfile';
const REGION_TABLES = [192 * 1024, 256 * 1024];
const METADATA_REGION = Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex');
const FILE_PARAMETERS = Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex');
const ENTRY_SIZE = 32;
const MAX_ENTRIES = 2047;
const HAS_PARENT = 0b10;

/** Whether a file says of itself that it is a vhdx disk. */
export function isVhdx(bytes: DiskBytes): boolean {
  return bytes.upTo(0, MAGIC.length).toString('latin1') === MAGIC;
}

/**
 * What keeps a vhdx disk from being taken.
 * @returns as a sentence goes on after the disk; undefined when it stands alone
 */
export function vhdxProblem(bytes: DiskBytes): string | undefined {
  // Either table may be the one that is read.
  const regions = REGION_TABLES.flatMap((at) =>
    entriesOf(bytes, { at, first: 16, countAt: 8, magic: 'regi' }),
  );
  const metadata = regions.filter((entry) => entry.subarray(0, 16).equals(METADATA_REGION));
  const parameters = metadata.flatMap((region) =>
    parametersIn(bytes, Number(region.readBigUInt64LE(16))),
  );
  if (parameters.length === 0) return 'as a vhdx disk, it is cut off or damaged';
  return parameters.some((flags) => (flags & HAS_PARENT) !== 0)
    ? 'it stands on another file'
    : undefined;
}

/** The flags of the file's parameters in a region of metadata. */
function parametersIn(bytes: DiskBytes, at: number): number[] {
  return entriesOf(bytes, { at, first: 32, countAt: 10, magic: 'metadata' })
    .filter((entry) => entry.subarray(0, 16).equals(FILE_PARAMETERS))
    .map((entry) => bytes.upTo(at + entry.readUInt32LE(16), 8))
    .filter((item) => item.length === 8)
    .map((item) => item.readUInt32LE(4));
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
