/** Bytes in a logical block, the only size that the tools write and that this project reads. */
export const BLOCK_SIZE = 2048;

/** Where the volume descriptors begin; the 16 blocks before belong to the system. */
export const FIRST_DESCRIPTOR_BLOCK = 16;

/** The five characters after the type byte of every volume descriptor. */
export const STANDARD_ID = 'CD001';

/** First byte of a volume descriptor (ECMA-119, 8.1.1). Joliet is a supplementary one. */
export const DESCRIPTOR_TYPE = { primary: 1, supplementary: 2, terminator: 255 } as const;

/** Offsets in a volume descriptor (ECMA-119, 8.4 and 8.5); the identifiers run up to the dates. */
export const DESCRIPTOR = {
  type: 0,
  standardId: 1,
  version: 6,
  systemId: 8,
  volumeId: 40,
  volumeBlocks: 80,
  escapes: 88,
  setSize: 120,
  sequenceNumber: 124,
  blockSize: 128,
  pathTableSize: 132,
  pathTableBlock: 140,
  rootRecord: 156,
  identifiers: 190,
  dates: 813,
  structureVersion: 881,
} as const;

/** Bytes of the system id, and of the volume id; Joliet puts 16 characters into them. */
export const LABEL_BYTES = 32;

/** Offsets in a directory record (ECMA-119, 9.1). */
export const RECORD = {
  length: 0,
  attributeBlocks: 1,
  extent: 2,
  size: 10,
  flags: 25,
  unitSize: 26,
  gapSize: 27,
  sequenceNumber: 28,
  idLength: 32,
  id: 33,
} as const;

/** Bits of the flags of a directory record. */
export const FLAG = { directory: 0x02, associated: 0x04, continues: 0x80 } as const;

/** The ids by which a directory lists itself and its parent. */
export const SELF_ID: Buffer = Buffer.of(0);
export const PARENT_ID: Buffer = Buffer.of(1);

/** The escape sequences of Joliet levels 1, 2 and 3. */
export const JOLIET_ESCAPES = ['%/@', '%/C', '%/E'] as const;

/** A run of bytes of the image that begins with a block. */
export interface Extent {
  readonly block: number;
  /** In bytes. */
  readonly size: number;
}

/** How many blocks that many bytes take. */
export function blocksIn(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}

/** Length of a directory record: even, so the id is followed by a pad byte when its length is even. */
export function recordLength(idLength: number): number {
  return RECORD.id + idLength + (idLength % 2 === 0 ? 1 : 0);
}

/** Joliet's text: UTF-16, big-endian. */
export function encodeJoliet(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

/** The inverse of {@link encodeJoliet}; `bytes` must be even in number. */
export function decodeJoliet(bytes: Buffer): string {
  return Buffer.from(bytes).swap16().toString('utf16le');
}
