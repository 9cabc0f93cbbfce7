import { hasCode } from '../errors.js';
import { withDiskBytes, type DiskBytes } from './disk-bytes.js';
import { recogniseFileSystem, recogniseOther } from './disk-signatures.js';
import { missingEnd } from './qcow2-extent.js';
import { factsOf, hasMagic, type Qcow2Facts } from './qcow2-header.js';
import { endOfPartitions } from './partition-table.js';
import { endOfVdi, isVdi, vdiStandsAlone } from './vdi-header.js';
import { endOfVhdx, isVhdx, vhdxProblem } from './vhdx-header.js';
import { endOfVmdk } from './vmdk-extent.js';
import { headersOf, isVmdk, vmdkProblem } from './vmdk-header.js';

/** QEMU's names of the formats that are taken from outside. */
export type DiskFormat = 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vhdx' | 'vpc';

/** What a file from outside is. */
export type DiskLook =
  | {
      /** A disk that stands alone: nothing in it leads to another file. */
      readonly kind: 'disk';
      readonly format: DiskFormat;
      /** Of a qcow2 image alone. */
      readonly facts: Qcow2Facts | null;
    }
  /** Something that is packed with xz. */
  | { readonly kind: 'xz' }
  | {
      /** Nothing that can be taken. */
      readonly kind: 'unfit';
      /** Why, as a sentence goes on after "…: ". */
      readonly problem: string;
      /** What to do about it; undefined: to give another file. */
      readonly hint?: string | undefined;
      /** Whether it may be a raw disk all the same, if the user knows it for one. */
      readonly mayBeRaw?: boolean | undefined;
    };

const SECTOR = 512;
const JOIN = 'Make it one file that stands alone first: `qemu-img convert -O qcow2 …`.';
const FETCH_AGAIN = 'Copy or download it again.';
const XZ = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]);

/**
 * Decides what a file from outside is, by its bytes alone. This is the one place that does: qemu-img is always told
 * what is found here, and never looks for itself, for to some of its formats any text is a list of files of the host.
 *
 * @param options `as`: the user says that it is a raw disk, and so it is taken for one whatever is in it
 * @throws MultipassError DISK_INVALID when it is no regular file; IO_ERROR, PERMISSION_DENIED
 */
export function lookAtDisk(
  path: string,
  options: { readonly as?: 'raw' | undefined } = {},
): DiskLook {
  return withDiskBytes(path, (bytes) => {
    if (bytes.size === 0) return unfit('it is empty', FETCH_AGAIN);
    if (bytes.upTo(0, XZ.length).equals(XZ)) return { kind: 'xz' };
    if (options.as === 'raw') return disk('raw');
    const other = recogniseOther(bytes);
    if (other !== undefined) return unfit(`it is ${other.what}`, other.hint, other.mayBeRaw);
    if (hasMagic(bytes)) return lookAtQcow2(bytes);
    if (isVmdk(bytes)) {
      const problem = vmdkProblem(bytes);
      if (problem !== undefined) return unfit(problem, JOIN);
      const header = headersOf(bytes).at(-1);
      return wholeDisk(bytes, 'vmdk', header === undefined ? 0 : endOfVmdk(bytes, header));
    }
    if (isVhdx(bytes)) {
      const problem = vhdxProblem(bytes);
      if (problem !== undefined) return unfit(problem, JOIN);
      return wholeDisk(bytes, 'vhdx', endOfVhdx(bytes));
    }
    if (isVdi(bytes)) return lookAtVdi(bytes);
    return lookAtVpc(bytes) ?? lookAtRaw(bytes);
  });
}

function disk(format: DiskFormat, facts: Qcow2Facts | null = null): DiskLook {
  return { kind: 'disk', format, facts };
}

/** A disk, if its file is as long as its tables say that it has to be. */
function wholeDisk(bytes: DiskBytes, format: DiskFormat, end: number): DiskLook {
  return end > bytes.size ? cutOff(bytes, end) : disk(format);
}

function cutOff({ size }: DiskBytes, end: number, mayBeRaw?: boolean): DiskLook {
  const problem = `it is cut off: it ends at byte ${size}, and has data up to ${end}`;
  return unfit(problem, FETCH_AGAIN, mayBeRaw);
}

function unfit(problem: string, hint?: string, mayBeRaw?: boolean): DiskLook {
  return { kind: 'unfit', problem, hint, mayBeRaw };
}

function lookAtQcow2(bytes: DiskBytes): DiskLook {
  try {
    const facts = factsOf(bytes);
    if (facts.backingFile !== null) {
      return unfit(`it stands on another file, ${JSON.stringify(facts.backingFile)}`, JOIN);
    }
    if (facts.externalData) return unfit('its data are in another file', JOIN);
    if (facts.encrypted) return unfit('it is encrypted', JOIN);
    if (facts.corrupt) {
      return unfit('it is marked as damaged', 'Try `qemu-img check -r all` on a copy of it.');
    }
    if (facts.virtualSize === 0) return unfit('it is a disk of 0 bytes');
    const end = missingEnd(bytes);
    return end === undefined ? disk('qcow2', facts) : cutOff(bytes, end);
  } catch (error) {
    if (!hasCode(error, 'DISK_INVALID')) throw error;
    const problem = String(error.details['problem']);
    return unfit(`as a qcow2 image, ${problem}`, FETCH_AGAIN);
  }
}

function lookAtVdi(bytes: DiskBytes): DiskLook {
  if (bytes.size < SECTOR) return cutOff(bytes, SECTOR);
  if (!vdiStandsAlone(bytes)) return unfit('it stands on another file', JOIN);
  return wholeDisk(bytes, 'vdi', endOfVdi(bytes));
}

/** What a vhd says of itself: at its end, and where it grows, at its beginning, too. */
const VPC = { cookie: 'conectix', kindAt: 60, fixed: 2, dynamic: 3 };

function lookAtVpc(bytes: DiskBytes): DiskLook | undefined {
  const first = bytes.upTo(0, SECTOR);
  const last = bytes.upTo(Math.max(0, bytes.size - SECTOR), SECTOR);
  const footer = [first, last].find((one) => one.toString('latin1', 0, 8) === VPC.cookie);
  if (footer === undefined || footer.length < SECTOR) return undefined;
  const kind = footer.readUInt32BE(VPC.kindAt);
  if (kind !== VPC.fixed && kind !== VPC.dynamic) return unfit('it stands on another file', JOIN);
  if (last.toString('latin1', 0, 8) === VPC.cookie) return disk('vpc');
  return unfit('it is cut off: as a vhd disk, it has no end', FETCH_AGAIN);
}

const BOOT_SIGNATURE = { at: 510, bytes: Buffer.from([0x55, 0xaa]) };
/** Of a GUID partition table, in the second sector, be that of 512 or 4096 bytes. */
const GPT = { places: [512, 4096], bytes: Buffer.from('EFI PART', 'latin1') };

/** Whatever is nothing else may be a raw disk: one that is to be booted says so. */
function lookAtRaw(bytes: DiskBytes): DiskLook {
  const has = (at: number, wanted: Buffer): boolean => bytes.upTo(at, wanted.length).equals(wanted);
  const boots =
    has(BOOT_SIGNATURE.at, BOOT_SIGNATURE.bytes) || GPT.places.some((at) => has(at, GPT.bytes));
  if (!boots) {
    const system = recogniseFileSystem(bytes);
    if (system !== undefined) return unfit(`it is ${system.what}`, system.hint, true);
    return unfit(
      'it is of no known format, and has no boot sector as a raw disk has',
      'Look at what it is with file(1).',
      true,
    );
  }
  const end = endOfPartitions(bytes);
  if (end > bytes.size) return cutOff(bytes, end, true);
  if (bytes.size % SECTOR === 0) return disk('raw');
  return unfit(
    `it is cut off: ${bytes.size} bytes are no whole number of sectors, as a raw disk has`,
    FETCH_AGAIN,
  );
}
