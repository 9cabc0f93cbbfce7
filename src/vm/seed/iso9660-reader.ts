import { MultipassError } from '../../errors.js';
import * as ISO from './iso9660-layout.js';

/** A file of an image's root directory. */
export interface IsoFile {
  readonly name: string;
  readonly data: Buffer;
}

/** What the root directory of an image has, in its order. */
export interface IsoImage {
  /** The label, without its padding. */
  readonly volumeId: string;
  readonly files: readonly IsoFile[];
  /** Names of the sub-directories, which are not read: a caller can refuse rather than lose them. */
  readonly directories: readonly string[];
}

/** A directory record, its fields taken apart. */
interface DirectoryRecord {
  readonly id: Buffer;
  readonly flags: number;
  readonly isInterleaved: boolean;
  /** Offset in the image, and length, of what it is the record of. */
  readonly start: number;
  readonly size: number;
  readonly systemUse: Buffer;
}

type NameOf = (record: DirectoryRecord) => string;

/** More than the tools ever chain; a damaged image may chain them in a circle. */
const MOST_CONTINUATIONS = 4;

/**
 * Reads the root directory of an ISO 9660 image by its Joliet names if it has them, else by its Rock Ridge
 * names, else by its plain ones in lower case. The data of the files are views of `image`, not copies.
 *
 * @param path for messages only
 * @throws MultipassError ISO_INVALID when the image is malformed or truncated, has no blocks of 2048 bytes, or
 *   keeps a file in a way that no seed needs: in several extents, interleaved, compressed, or as a symbolic link
 */
export function readIso(image: Buffer, path: string): IsoImage {
  const source = new Source(image, path);
  const { primary, joliet } = readDescriptors(source);
  const volume = joliet ?? primary;
  if (volume.readUInt16LE(ISO.DESCRIPTOR.blockSize) !== ISO.BLOCK_SIZE) {
    source.fail(`its blocks are not of ${ISO.BLOCK_SIZE} bytes`);
  }
  const root = parseRecord(
    source,
    volume.subarray(ISO.DESCRIPTOR.rootRecord, ISO.DESCRIPTOR.identifiers),
  );
  const [self, parent, ...records] = readDirectory(source, root);
  if (self?.id.equals(ISO.SELF_ID) !== true || parent?.id.equals(ISO.PARENT_ID) !== true) {
    return source.fail('the root directory does not begin with itself and its parent');
  }
  const nameOf = joliet === undefined ? primaryNames(source, self) : jolietName(source);
  const names = new Set<string>();
  const files: IsoFile[] = [];
  const directories: string[] = [];
  for (const record of records) {
    const name = nameOf(record);
    if (name === '') source.fail('a file has no name');
    if (names.has(name)) source.fail(`"${name}" is in it twice`);
    names.add(name);
    if ((record.flags & ISO.FLAG.directory) !== 0) directories.push(name);
    else if ((record.flags & ISO.FLAG.associated) === 0) {
      files.push({ name, data: readData(source, name, record) });
    }
  }
  return { volumeId: labelOf(primary), files, directories };
}

/** The bytes of the image, and the way to say what is wrong with them. */
class Source {
  readonly image: Buffer;
  readonly path: string;

  constructor(image: Buffer, path: string) {
    this.image = image;
    this.path = path;
  }

  /** The bytes of the image that `what`, in words, claims for itself. */
  slice(what: string, start: number, length: number): Buffer {
    if (start + length > this.image.length) this.fail(`${what} would be beyond its end`);
    return this.image.subarray(start, start + length);
  }

  fail(problem: string): never {
    throw new MultipassError(
      'ISO_INVALID',
      `cannot read "${this.path}" as an ISO 9660 image: ${problem}`,
      { hint: 'Put back a good copy of that file.', details: { path: this.path } },
    );
  }
}

function readDescriptors(source: Source): { primary: Buffer; joliet: Buffer | undefined } {
  let primary: Buffer | undefined;
  let joliet: Buffer | undefined;
  for (let block = ISO.FIRST_DESCRIPTOR_BLOCK; ; block += 1) {
    const descriptor = source.slice('a volume descriptor', block * ISO.BLOCK_SIZE, ISO.BLOCK_SIZE);
    const { standardId, version } = ISO.DESCRIPTOR;
    if (descriptor.toString('latin1', standardId, version) !== ISO.STANDARD_ID) {
      source.fail(`there is no volume descriptor in block ${block}`);
    }
    const type = descriptor[ISO.DESCRIPTOR.type];
    if (type === ISO.DESCRIPTOR_TYPE.terminator) break;
    if (type === ISO.DESCRIPTOR_TYPE.primary) primary ??= descriptor;
    if (type === ISO.DESCRIPTOR_TYPE.supplementary && hasJolietEscape(descriptor))
      joliet ??= descriptor;
  }
  if (primary === undefined) return source.fail('there is no primary volume descriptor');
  return { primary, joliet };
}

function hasJolietEscape(descriptor: Buffer): boolean {
  const { escapes } = ISO.DESCRIPTOR;
  return ISO.JOLIET_ESCAPES.some(
    (escape) => descriptor.toString('latin1', escapes, escapes + escape.length) === escape,
  );
}

function labelOf(primary: Buffer): string {
  const { volumeId } = ISO.DESCRIPTOR;
  return primary.toString('latin1', volumeId, volumeId + ISO.LABEL_BYTES).replace(/[ \0]+$/, '');
}

function readDirectory(source: Source, { flags, start, size }: DirectoryRecord): DirectoryRecord[] {
  if ((flags & ISO.FLAG.directory) === 0) source.fail('the root directory is no directory');
  const directory = source.slice('the root directory', start, size);
  const records: DirectoryRecord[] = [];
  for (let block = 0; block < size; block += ISO.BLOCK_SIZE) {
    let rest = directory.subarray(block, block + ISO.BLOCK_SIZE);
    // A length of 0 says that the next record did not fit into this block.
    for (let length = rest[0]; length !== undefined && length !== 0; length = rest[0]) {
      records.push(parseRecord(source, rest));
      rest = rest.subarray(length);
    }
  }
  return records;
}

/** Takes apart the record at the beginning of `bytes`. */
function parseRecord(source: Source, bytes: Buffer): DirectoryRecord {
  const record = bytes.subarray(0, bytes[ISO.RECORD.length]);
  const idLength = record[ISO.RECORD.idLength] ?? 0;
  const idEnd = ISO.RECORD.id + idLength;
  if (record.length !== bytes[ISO.RECORD.length] || idLength === 0 || idEnd > record.length) {
    return source.fail('a directory record is malformed');
  }
  const block =
    record.readUInt32LE(ISO.RECORD.extent) + record.readUInt8(ISO.RECORD.attributeBlocks);
  return {
    id: record.subarray(ISO.RECORD.id, idEnd),
    flags: record.readUInt8(ISO.RECORD.flags),
    isInterleaved:
      record.readUInt8(ISO.RECORD.unitSize) !== 0 || record.readUInt8(ISO.RECORD.gapSize) !== 0,
    start: block * ISO.BLOCK_SIZE,
    size: record.readUInt32LE(ISO.RECORD.size),
    systemUse: record.subarray(ISO.recordLength(idLength)),
  };
}

function readData(source: Source, name: string, record: DirectoryRecord): Buffer {
  if ((record.flags & ISO.FLAG.continues) !== 0) source.fail(`"${name}" has several extents`);
  if (record.isInterleaved) source.fail(`"${name}" is interleaved`);
  // Where an empty file begins means nothing: tools write 0, or the block after the last.
  return record.size === 0 ? Buffer.alloc(0) : source.slice(`"${name}"`, record.start, record.size);
}

/** Many tools write versions into Joliet names, although Joliet has none. */
function jolietName(source: Source): NameOf {
  return ({ id }) => {
    if (id.length % 2 !== 0) source.fail('a Joliet name is malformed');
    return ISO.decodeJoliet(id).replace(/;1$/, '');
  };
}

/** Rock Ridge is in use if the directory's record of itself says so (SUSP 1.12, 5.3). */
function primaryNames(source: Source, { systemUse }: DirectoryRecord): NameOf {
  const usesSusp = systemUse.toString('latin1', 0, 6) === 'SP\x07\x01\xbe\xef';
  const skipped = systemUse[6] ?? 0;
  return ({ id, systemUse: fields }) => {
    const name = usesSusp ? rockRidgeName(source, fields.subarray(skipped)) : undefined;
    return name ?? plainName(id);
  };
}

function plainName(id: Buffer): string {
  return id.toString('latin1').replace(/;1$/, '').replace(/\.$/, '').toLowerCase();
}

/** The name in the `NM` fields (RRIP 1.12, 4.1.4), or undefined when there are none. */
function rockRidgeName(source: Source, systemUse: Buffer): string | undefined {
  const parts: Buffer[] = [];
  let area: Buffer | undefined = systemUse;
  for (let areas = 0; area !== undefined; areas += 1) {
    if (areas > MOST_CONTINUATIONS) source.fail('a Rock Ridge record has no end');
    let next: Buffer | undefined;
    for (const { signature, body } of systemUseFields(source, area)) {
      if (signature === 'NM') parts.push(body.subarray(1));
      if (signature === 'CE') next = continuation(source, body);
      if (signature === 'SL') source.fail('it has a symbolic link');
      if (signature === 'ZF') source.fail('it has a compressed file');
    }
    area = next;
  }
  return parts.length === 0 ? undefined : Buffer.concat(parts).toString('utf8');
}

interface SystemUseField {
  readonly signature: string;
  readonly body: Buffer;
}

/** The fields of a system use area (SUSP 1.12, 4): signature, length, version, body. */
function* systemUseFields(source: Source, area: Buffer): Generator<SystemUseField> {
  let rest = area;
  // What is shorter than the shortest field is padding, and so are zeros.
  while (rest.length >= 4 && rest[0] !== 0) {
    const signature = rest.toString('latin1', 0, 2);
    const length = rest.readUInt8(2);
    if (length < 4 || length > rest.length) source.fail('a Rock Ridge field is malformed');
    if (signature === 'ST') return;
    yield { signature, body: rest.subarray(4, length) };
    rest = rest.subarray(length);
  }
}

/** Where a `CE` field says that the fields go on: block, offset and length, each in both orders of bytes. */
function continuation(source: Source, body: Buffer): Buffer {
  if (body.length < 24) return source.fail('a Rock Ridge continuation is malformed');
  const length = body.readUInt32LE(16);
  if (length > ISO.BLOCK_SIZE) source.fail('a Rock Ridge continuation is longer than a block');
  const start = body.readUInt32LE(0) * ISO.BLOCK_SIZE + body.readUInt32LE(8);
  return source.slice('a Rock Ridge continuation', start, length);
}
