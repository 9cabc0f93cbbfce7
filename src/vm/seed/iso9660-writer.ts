import { MultipassError } from '../../errors.js';
import * as ISO from './iso9660-layout.js';
import type { IsoFile } from './iso9660-reader.js';

const FIRST_PATH_TABLE_BLOCK = 19;
const FIRST_DIRECTORY_BLOCK = 21;
const PATH_TABLE_SIZE = 10;
const ISO_STEM_LENGTH = 8;
const JOLIET_NAME_LENGTH = 64;

/** Names and characters that Joliet forbids, and halves of surrogate pairs, which no reader can decode. */
const FORBIDDEN_NAME = /^\.{1,2}$|[*/:;?\\]|\p{Cc}|\p{Surrogate}/u;

/** "Not specified" in each of a descriptor's four dates: 16 zero digits, time zone 0. */
const NO_DATES = Buffer.from(`${'0'.repeat(16)}\0`.repeat(4), 'latin1');

/** A file and its ids in the two volumes, the primary one and Joliet. */
interface Entry {
  readonly ids: readonly [Buffer, Buffer];
  readonly data: Buffer;
}

interface DirectoryRecord {
  readonly id: Buffer;
  readonly extent: ISO.Extent;
  readonly flags: number;
}

/** One of the two views of the same files. */
interface Volume {
  /** 0 is the primary volume, 1 is Joliet: which of each pair of ids and of blocks is its own. */
  readonly index: 0 | 1;
  readonly encode: (text: string) => Buffer;
  readonly root: ISO.Extent;
  readonly files: readonly (Entry & { readonly extent: ISO.Extent })[];
}

/**
 * Writes an ISO 9660 image with Joliet names, byte for byte as Multipass writes `cloud-init-config.iso`: one
 * directory, the files in the given order, and no dates, so that equal files give equal images.
 *
 * @param volumeId the label, by which cloud-init's NoCloud data source finds the image
 * @throws MultipassError ISO_INVALID when a name is empty, longer than Joliet's 64 UTF-16 units, given twice or
 *   forbidden in Joliet, or when the volume id is not at most 32 printable ASCII characters
 */
export function writeIso(files: readonly IsoFile[], volumeId = 'cidata'): Buffer {
  checkVolumeId(volumeId);
  checkNames(files);
  const entries = entriesOf(files);
  const isoRoot = rootAt(FIRST_DIRECTORY_BLOCK, entries, 0);
  const jolietRoot = rootAt(blockAfter(isoRoot), entries, 1);
  let end = blockAfter(jolietRoot);
  const placed = entries.map((entry) => {
    const extent = { block: end, size: entry.data.length };
    end = blockAfter(extent);
    return { ...entry, extent };
  });

  const image = Buffer.alloc(end * ISO.BLOCK_SIZE);
  writeVolume(image, volumeId, { index: 0, encode: encodeIso, root: isoRoot, files: placed });
  writeVolume(image, volumeId, {
    index: 1,
    encode: ISO.encodeJoliet,
    root: jolietRoot,
    files: placed,
  });
  startDescriptor(image, ISO.FIRST_DESCRIPTOR_BLOCK + 2, ISO.DESCRIPTOR_TYPE.terminator);
  for (const { data, extent } of placed) data.copy(from(image, extent.block));
  return image;
}

function checkVolumeId(volumeId: string): void {
  if (/^[ -~]{0,32}$/.test(volumeId)) return;
  throw invalid(
    `the volume id ${JSON.stringify(volumeId)} is longer than 32 characters, or not ASCII`,
  );
}

function checkNames(files: readonly IsoFile[]): void {
  const seen = new Set<string>();
  for (const { name } of files) {
    const quoted = JSON.stringify(name);
    if (name === '') throw invalid('a file has no name');
    if (name.length > JOLIET_NAME_LENGTH) {
      throw invalid(`the name ${quoted} is longer than ${JOLIET_NAME_LENGTH} characters`);
    }
    if (FORBIDDEN_NAME.test(name)) throw invalid(`Joliet forbids the name ${quoted}`);
    if (seen.has(name)) throw invalid(`the name ${quoted} is given twice`);
    seen.add(name);
  }
}

function invalid(problem: string): MultipassError {
  return new MultipassError('ISO_INVALID', `cannot write an ISO 9660 image: ${problem}`, {
    hint: 'Give the files of the seed other names.',
  });
}

/** Gives the files Multipass's ids, such as `META_DAT.;1`; when one is taken, its end becomes a number. */
function entriesOf(files: readonly IsoFile[]): Entry[] {
  const taken = new Set<string>();
  return files.map(({ name, data }) => {
    const stem = name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
    let short = stem.slice(0, ISO_STEM_LENGTH);
    for (let number = 1; taken.has(short); number += 1) {
      short = stem.slice(0, ISO_STEM_LENGTH - String(number).length) + String(number);
    }
    taken.add(short);
    return { ids: [encodeIso(`${short}.;1`), ISO.encodeJoliet(name)], data };
  });
}

function encodeIso(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function blockAfter(extent: ISO.Extent): number {
  return extent.block + ISO.blocksIn(extent.size);
}

/** The image from a block on. */
function from(image: Buffer, block: number): Buffer {
  return image.subarray(block * ISO.BLOCK_SIZE);
}

/** The root directory, as large as its records need. */
function rootAt(block: number, entries: readonly Entry[], index: 0 | 1): ISO.Extent {
  let end = 0;
  for (const id of [ISO.SELF_ID, ISO.PARENT_ID, ...entries.map(({ ids }) => ids[index])]) {
    end = recordOffset(end, id) + ISO.recordLength(id.length);
  }
  return { block, size: ISO.blocksIn(end) * ISO.BLOCK_SIZE };
}

/** Where the record goes that follows one that ends at `end`: never across the end of a block. */
function recordOffset(end: number, id: Buffer): number {
  const fits = (end % ISO.BLOCK_SIZE) + ISO.recordLength(id.length) <= ISO.BLOCK_SIZE;
  return fits ? end : ISO.blocksIn(end) * ISO.BLOCK_SIZE;
}

function writeVolume(image: Buffer, volumeId: string, volume: Volume): void {
  writeDescriptor(image, volumeId, volume);
  writePathTable(from(image, FIRST_PATH_TABLE_BLOCK + volume.index), volume.root);
  const directory = from(image, volume.root.block);
  let end = 0;
  for (const record of [
    { id: ISO.SELF_ID, extent: volume.root, flags: ISO.FLAG.directory },
    { id: ISO.PARENT_ID, extent: volume.root, flags: ISO.FLAG.directory },
    ...volume.files.map(({ ids, extent }) => ({ id: ids[volume.index], extent, flags: 0 })),
  ]) {
    const offset = recordOffset(end, record.id);
    end = offset + writeRecord(directory.subarray(offset), record);
  }
}

function writeDescriptor(image: Buffer, volumeId: string, volume: Volume): void {
  const { index, encode, root } = volume;
  const isJoliet = index === 1;
  const type = isJoliet ? ISO.DESCRIPTOR_TYPE.supplementary : ISO.DESCRIPTOR_TYPE.primary;
  const descriptor = startDescriptor(image, ISO.FIRST_DESCRIPTOR_BLOCK + index, type);
  descriptor.fill(encode(' '), ISO.DESCRIPTOR.systemId, ISO.DESCRIPTOR.volumeId + ISO.LABEL_BYTES);
  encode(volumeId).copy(descriptor, ISO.DESCRIPTOR.volumeId, 0, ISO.LABEL_BYTES);
  writeBoth32(descriptor, ISO.DESCRIPTOR.volumeBlocks, image.length / ISO.BLOCK_SIZE);
  if (isJoliet) descriptor.write(ISO.JOLIET_ESCAPES[2], ISO.DESCRIPTOR.escapes, 'latin1');
  writeBoth16(descriptor, ISO.DESCRIPTOR.setSize, 1);
  writeBoth16(descriptor, ISO.DESCRIPTOR.sequenceNumber, 1);
  writeBoth16(descriptor, ISO.DESCRIPTOR.blockSize, ISO.BLOCK_SIZE);
  writeBoth32(descriptor, ISO.DESCRIPTOR.pathTableSize, PATH_TABLE_SIZE);
  descriptor.writeUInt32LE(FIRST_PATH_TABLE_BLOCK + index, ISO.DESCRIPTOR.pathTableBlock);
  const record = { id: ISO.SELF_ID, extent: root, flags: ISO.FLAG.directory };
  writeRecord(descriptor.subarray(ISO.DESCRIPTOR.rootRecord), record);
  descriptor.fill(encode(' '), ISO.DESCRIPTOR.identifiers, ISO.DESCRIPTOR.dates);
  NO_DATES.copy(descriptor, ISO.DESCRIPTOR.dates);
  descriptor[ISO.DESCRIPTOR.structureVersion] = 1;
}

/** Begins a volume descriptor, and returns the image from there on. */
function startDescriptor(image: Buffer, block: number, type: number): Buffer {
  const descriptor = from(image, block);
  descriptor[ISO.DESCRIPTOR.type] = type;
  descriptor.write(ISO.STANDARD_ID, ISO.DESCRIPTOR.standardId, 'latin1');
  descriptor[ISO.DESCRIPTOR.version] = 1;
  return descriptor;
}

/** The root is the only directory, and its own parent. */
function writePathTable(table: Buffer, root: ISO.Extent): void {
  table.writeUInt8(ISO.SELF_ID.length, 0);
  table.writeUInt32LE(root.block, 2);
  table.writeUInt16LE(1, 6);
}

/** Returns the length of the record. */
function writeRecord(target: Buffer, { id, extent, flags }: DirectoryRecord): number {
  const length = ISO.recordLength(id.length);
  target.writeUInt8(length, ISO.RECORD.length);
  writeBoth32(target, ISO.RECORD.extent, extent.block);
  writeBoth32(target, ISO.RECORD.size, extent.size);
  target.writeUInt8(flags, ISO.RECORD.flags);
  writeBoth16(target, ISO.RECORD.sequenceNumber, 1);
  target.writeUInt8(id.length, ISO.RECORD.idLength);
  id.copy(target, ISO.RECORD.id);
  return length;
}

/** ISO 9660 writes a number in both orders of bytes, the little-endian one first. */
function writeBoth16(target: Buffer, offset: number, value: number): void {
  target.writeUInt16LE(value, offset);
  target.writeUInt16BE(value, offset + 2);
}

function writeBoth32(target: Buffer, offset: number, value: number): void {
  target.writeUInt32LE(value, offset);
  target.writeUInt32BE(value, offset + 4);
}
