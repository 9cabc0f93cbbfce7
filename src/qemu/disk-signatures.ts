import type { DiskBytes } from './disk-bytes.js';

/** What a file is by its content, and what to do with it in place of launching it. */
export interface Recognised {
  /** As a sentence goes on after "it is". */
  readonly what: string;
  /** An imperative sentence. */
  readonly hint: string;
  /** Whether it may be a raw disk all the same, if somebody knows it for one. */
  readonly mayBeRaw?: boolean | undefined;
}

const UNPACK =
  'Unpack it, and give the path of the disk that was in it; what is packed with xz need not be unpacked.';
const INSTALLER =
  'Give an image of an installed system, such as a cloud image; nothing is installed from a CD.';
const NOT_BOOTABLE = 'Give an image of a whole disk, with a boot loader, such as a cloud image.';
const NO_DISK = 'Give a disk image, such as a cloud image: qcow2, raw, vmdk, vdi, vhdx or vhd.';
const TO_QCOW2 = 'Convert it first, where its other files are: `qemu-img convert -O qcow2 …`.';

/** Bytes at a place by which a file says what it is. */
interface Signature extends Recognised {
  readonly at: number;
  readonly bytes: Buffer;
}

function signature(
  at: number,
  bytes: string | readonly number[],
  [what, hint]: readonly [string, string],
): Signature {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
  return { at, bytes: buffer, what, hint, mayBeRaw: hint === NOT_BOOTABLE };
}

const CD = ['an ISO image, as of a CD', INSTALLER] as const;
const TAR = ['a tar archive', UNPACK] as const;
const FAT = ['a FAT file system without a partition table', NOT_BOOTABLE] as const;

/**
 * Ordered: what may carry a boot sector besides (hybrid ISOs, kernels, file systems) is told by what it is first.
 * Places and bytes are those of the formats' own descriptions, as file(1) and QEMU's block drivers look for them.
 */
const SIGNATURES: readonly Signature[] = [
  signature(0, [0x1f, 0x8b], ['packed with gzip', UNPACK]),
  signature(0, [0x28, 0xb5, 0x2f, 0xfd], ['packed with zstd', UNPACK]),
  signature(0, 'BZh', ['packed with bzip2', UNPACK]),
  signature(0, 'PK\x03\x04', ['packed with zip', UNPACK]),
  signature(0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], ['packed with 7-Zip', UNPACK]),
  signature(0, 'Rar!\x1a\x07', ['packed with rar', UNPACK]),
  signature(0, [0x04, 0x22, 0x4d, 0x18], ['packed with lz4', UNPACK]),
  signature(0, 'LZIP', ['packed with lzip', UNPACK]),
  signature(0, [0x5d, 0, 0], ['packed with lzma', UNPACK]),
  // Volume descriptors begin at sector 16 of 2048 bytes: ISO 9660, High Sierra, UDF.
  signature(32_769, 'CD001', CD),
  signature(32_777, 'CDROM', CD),
  signature(32_769, 'BEA01', ['a UDF image, as of a DVD', INSTALLER]),
  signature(32_769, 'NSR0', ['a UDF image, as of a DVD', INSTALLER]),
  signature(0, 'hsqs', ['a squashfs file system', NOT_BOOTABLE]),
  signature(0, 'sqsh', ['a squashfs file system', NOT_BOOTABLE]),
  signature(0, [0xe2, 0xe1, 0xf5, 0xe0], ['an EROFS file system', NOT_BOOTABLE]),
  signature(1024, [0xe2, 0xe1, 0xf5, 0xe0], ['an EROFS file system', NOT_BOOTABLE]),
  signature(257, 'ustar', TAR),
  signature(0, '070701', ['a cpio archive, as an initial ramdisk is', NO_DISK]),
  signature(514, 'HdrS', ['a Linux kernel', NO_DISK]),
  signature(0, '\x7fELF', ['an ELF program', NO_DISK]),
  signature(0, 'MZ', ['a program for Windows or UEFI', NO_DISK]),
  signature(0, '%PDF', ['a PDF document', NO_DISK]),
  signature(0, '!<arch>\n', ['an ar archive or a Debian package', NO_DISK]),
  signature(0, [0xed, 0xab, 0xee, 0xdb], ['an RPM package', NO_DISK]),
  signature(0, 'MSWIM', ['a Windows image (WIM)', INSTALLER]),
  signature(0, 'QED\0', ['a qed disk', TO_QCOW2]),
  signature(0, 'QFI\xfb\0\0\0\x01', ['a disk of the old format qcow', TO_QCOW2]),
  signature(0, 'WithoutFreeSpace', ['a Parallels disk', TO_QCOW2]),
  signature(0, 'WithouFreSpacExt', ['a Parallels disk', TO_QCOW2]),
  signature(0, 'COWD', ['a part of a vmdk disk of several files', TO_QCOW2]),
  signature(0, [0xbe, 0xba, 0xfe, 0xca], ['a part of a vmdk disk of several files', TO_QCOW2]),
  signature(0, 'Bochs Virtual HD Image', ['a Bochs disk', TO_QCOW2]),
  signature(0, 'LUKS\xba\xbe', ['encrypted (LUKS)', TO_QCOW2]),
  signature(54, 'FAT1', FAT),
  signature(82, 'FAT32', FAT),
  signature(3, 'NTFS    ', ['an NTFS file system without a partition table', NOT_BOOTABLE]),
];

/** The superblocks of file systems for Linux: only a disk without a boot sector is told by them. */
const FILE_SYSTEMS: readonly Signature[] = [
  signature(1080, [0x53, 0xef], ['an ext4 file system without a boot loader', NOT_BOOTABLE]),
  signature(0, 'XFSB', ['an XFS file system without a boot loader', NOT_BOOTABLE]),
  signature(65_600, '_BHRfS_M', ['a btrfs file system without a boot loader', NOT_BOOTABLE]),
];

/** What is no disk, or none that is taken, by what it is; undefined for what is not known. */
export function recogniseOther(bytes: DiskBytes): Recognised | undefined {
  const found = find(bytes, SIGNATURES);
  if (found === undefined) return recogniseText(bytes);
  if (found.what !== TAR[0] || !isOva(bytes)) return found;
  const hint = 'Unpack it with `tar -xf …`, and give the path of the .vmdk file that was in it.';
  return { what: 'an OVA, which is an archive of a machine', hint };
}

/** A file system that nothing boots from by itself; undefined for what is not known. */
export function recogniseFileSystem(bytes: DiskBytes): Recognised | undefined {
  return find(bytes, FILE_SYSTEMS);
}

function find(bytes: DiskBytes, signatures: readonly Signature[]): Signature | undefined {
  return signatures.find((one) => bytes.upTo(one.at, one.bytes.length).equals(one.bytes));
}

/** Its first member is the description of the machine. */
function isOva(bytes: DiskBytes): boolean {
  return /\.ovf\0*$/i.test(bytes.upTo(0, 100).toString('latin1'));
}

const SAMPLE = 1024;

/** What is in no text: control characters but blanks, line ends and the escape. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const NO_TEXT = /[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]/;
const DESCRIPTOR =
  /^\s*(?:version\s*=\s*[123]\s*$|createType\s*=|RW\s+\d+\s|# Disk DescriptorFile)/im;

/** No disk begins with text alone. A descriptor of a vmdk disk is one, whatever comes behind it. */
function recogniseText(bytes: DiskBytes): Recognised | undefined {
  const sample = bytes.upTo(0, SAMPLE);
  const end = sample.indexOf(0);
  const first = sample.toString('latin1', 0, end === -1 ? sample.length : end);
  if (isText(first) && DESCRIPTOR.test(first)) {
    return { what: 'a vmdk descriptor: its data are in other files', hint: TO_QCOW2 };
  }
  const text = sample.toString(isUtf16(sample) ? 'utf16le' : 'latin1').replace(/\0+$/, '');
  if (!isText(text)) return undefined;
  if (/^\s*(?:<!doctype|<html|<\?xml|<head)/i.test(text)) {
    const hint = 'Open it in a browser to see what the server says, or give another path or URL.';
    return { what: 'a web page or an XML document', hint };
  }
  if (text.startsWith('version https://git-lfs')) {
    return { what: 'a pointer of Git LFS', hint: 'Fetch the file itself with `git lfs pull`.' };
  }
  return { what: 'a text', hint: NO_DISK };
}

function isUtf16(sample: Buffer): boolean {
  return sample.length >= 2 && [0xfffe, 0xfeff].includes(sample.readUInt16BE(0));
}

/** A pattern over and over is no text, either: that has blanks. */
function isText(text: string): boolean {
  return /\S/.test(text) && /\s/.test(text) && !NO_TEXT.test(text);
}
