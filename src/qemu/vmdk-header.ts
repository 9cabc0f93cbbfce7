import type { DiskBytes } from './disk-bytes.js';

/** How a sparse vmdk disk begins that is one file. */
const MAGIC = 'KDMV';
const SECTOR = 512;
/** Where QEMU looks for the parent's name, whatever the header says, and how much of it it reads. */
const PARENT_PLACE = { offset: 0x200, length: 20 * SECTOR };
const MAX_DESCRIPTOR = 1024 ** 2;
/** In place of the grain directory's offset: the header that counts is at the end of the file. */
const AT_END = 0xffff_ffff_ffff_ffffn;
const FOOTER_FROM_END = 1024;

/** Whether a file says of itself that it is a sparse vmdk disk. */
export function isVmdk(bytes: DiskBytes): boolean {
  return bytes.upTo(0, 4).toString('latin1') === MAGIC;
}

/**
 * What keeps a sparse vmdk disk from being taken: whatever may lead QEMU to another file than itself. The format is
 * that of VMware's "Virtual Disk Format 5.0"; what is looked at where is what QEMU 7.2 was seen to read.
 * @returns as a sentence goes on after the disk; undefined when it stands alone
 */
export function vmdkProblem(bytes: DiskBytes): string | undefined {
  const headers = headersOf(bytes);
  const pieces = [bytes.upTo(PARENT_PLACE.offset, PARENT_PLACE.length).toString('latin1')];
  for (const header of headers) {
    if (header.length < SECTOR || header.toString('latin1', 0, 4) !== MAGIC) return 'it is cut off';
    if (header.readBigUInt64LE(12) === 0n) return 'its data are in other files';
    const descriptor = descriptorOf(bytes, header);
    if (descriptor === undefined) return 'it is a part of a disk of several files';
    pieces.push(descriptor);
    const problem = descriptorProblem(descriptor);
    if (problem !== undefined) return problem;
  }
  return pieces.some((piece) => /parentFileNameHint/i.test(piece))
    ? 'it stands on another file'
    : undefined;
}

/** The header at the beginning, and where that says so the one at the end, which counts then; each may be cut off. */
export function headersOf(bytes: DiskBytes): Buffer[] {
  const first = Buffer.from(bytes.upTo(0, SECTOR));
  if (first.length < SECTOR || first.readBigUInt64LE(56) !== AT_END) return [first];
  return [first, Buffer.from(bytes.upTo(bytes.size - FOOTER_FROM_END, SECTOR))];
}

/** The text in the file that tells of its parts; undefined when it has none. */
function descriptorOf(bytes: DiskBytes, header: Buffer): string | undefined {
  const [offset, size] = [header.readBigUInt64LE(28), header.readBigUInt64LE(36)];
  if (offset === 0n || size === 0n || offset > BigInt(bytes.size)) return undefined;
  const length = Number(size > 2048n ? 2048n : size) * SECTOR;
  const text = bytes.upTo(Number(offset) * SECTOR, Math.min(length, MAX_DESCRIPTOR));
  const end = text.indexOf(0);
  return text.toString('latin1', 0, end === -1 ? text.length : end);
}

function descriptorProblem(descriptor: string): string | undefined {
  const parent = /^\s*parentCID\s*=\s*"?([0-9a-z]+)/im.exec(descriptor)?.[1];
  if (parent !== undefined && !/^f{8}$/i.test(parent)) return 'it stands on another file';
  const extents = descriptor
    .split(/\r?\n/)
    .filter((line) => /^\s*(?:RW|RDONLY|NOACCESS)\s/i.test(line));
  const [extent = '', another] = extents;
  if (another !== undefined || !/^\s*RW\s+\d+\s+SPARSE\s/i.test(extent)) {
    return 'its data are in other files';
  }
  return undefined;
}
