import { string, uint32, uint64, type WireReader } from './wire.js';

/** What SFTP says of a file; undefined is what it does not say. */
export interface Attributes {
  /** Bytes. */
  readonly size?: number | undefined;
  /** Type and permissions, as in `st_mode`. */
  readonly mode?: number | undefined;
}

/** Kinds of files. `unknown`: the peer has not said. */
export type FileKind = 'file' | 'folder' | 'link' | 'other' | 'unknown';

const HAS = { size: 0x1, owner: 0x2, mode: 0x4, times: 0x8, extended: 0x8000_0000 } as const;

const TYPE = 0o170000;
const KINDS: ReadonlyMap<number, FileKind> = new Map([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
]);

/** The attributes as they are in a message. */
export function encodeAttributes({ size, mode }: Attributes): Buffer {
  const flags = (size === undefined ? 0 : HAS.size) | (mode === undefined ? 0 : HAS.mode);
  return Buffer.concat([
    uint32(flags),
    ...(size === undefined ? [] : [uint64(size)]),
    ...(mode === undefined ? [] : [uint32(mode)]),
  ]);
}

/** Reads attributes out of a message; owners, times and extensions are passed over. @throws SftpProtocolError */
export function decodeAttributes(reader: WireReader): Attributes {
  const flags = reader.uint32();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const size = has(HAS.size) ? reader.uint64() : undefined;
  if (has(HAS.owner)) pass(reader, 2);
  const mode = has(HAS.mode) ? reader.uint32() : undefined;
  if (has(HAS.times)) pass(reader, 2);
  if (has(HAS.extended)) {
    // Each takes eight bytes at least, so a count that lies ends with the message.
    for (let left = reader.uint32(); left > 0; left--) {
      reader.string();
      reader.string();
    }
  }
  return { size, mode };
}

function pass(reader: WireReader, numbers: number): void {
  for (let left = numbers; left > 0; left--) reader.uint32();
}

/** What kind of file has these attributes. */
export function kindOf({ mode }: Attributes): FileKind {
  return mode === undefined ? 'unknown' : (KINDS.get(mode & TYPE) ?? 'other');
}

/** The permissions among the attributes, without set-user-ID and the like; undefined when they are not told. */
export function permissionsOf({ mode }: Attributes): number | undefined {
  return mode === undefined ? undefined : mode & 0o777;
}

/** A path or a handle as it is in a message. */
export function encodeString(bytes: Uint8Array): Buffer {
  return Buffer.concat(string(bytes));
}
