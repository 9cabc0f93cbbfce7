import { octalOf, sumOf, textOf } from './tar-fields.js';

/** Headers, and bodies up to their end, come in blocks of so many bytes. */
export const TAR_BLOCK = 512;

/** Further facts of an entry, by their keywords: an extended header of POSIX pax. */
export type PaxRecords = ReadonlyMap<string, string>;

/** What one header says. */
export interface TarHeader {
  readonly name: string;
  /** Bytes of what follows. */
  readonly size: number;
  /** `file`, `folder`, or `pax`: further facts of the next entry. */
  readonly kind: 'file' | 'folder' | 'pax';
}

const MAGIC = Buffer.from('ustar\u000000', 'latin1');
/** As GNU tar writes it, unless it is told to write POSIX. */
const OLD_MAGIC = Buffer.from('ustar  \0', 'latin1');
const KINDS: Readonly<Record<string, TarHeader['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '5': 'folder',
  x: 'pax',
};
const TYPE_AT = 156;
const SUM_AT = 148;

/** Whether a block is all zeros, as the end of an archive is. */
export function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Reads the header of a regular file, a folder, or an extended header; nothing else is taken, be it a link, a device, a
 * sparse file or a name of GNU's own kind. The format is that of POSIX's pax(1), "ustar Interchange Format".
 * @param fail is told what is wrong, as a sentence goes on after "…: ", and throws
 */
export function readTarHeader(block: Buffer, fail: (problem: string) => never): TarHeader {
  const magic = block.subarray(257, 265);
  if (!magic.equals(MAGIC) && !magic.equals(OLD_MAGIC)) fail('it is no tar archive');
  if (octalOf(block, SUM_AT, 8) !== sumOf(block)) fail('a header of it is damaged');
  const prefix = magic.equals(MAGIC) ? textOf(block, 345, 155) : '';
  const own = textOf(block, 0, 100);
  const name = prefix === '' ? own : `${prefix}/${own}`;
  const type = String.fromCharCode(block[TYPE_AT] ?? 0);
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) {
    return fail(
      `its entry ${JSON.stringify(name)} is no regular file (type ${JSON.stringify(type)})`,
    );
  }
  const size = readSize(block);
  if (size === undefined) return fail(`the size of its entry ${JSON.stringify(name)} is no number`);
  return { name, size, kind };
}

/** The header of a regular file that nobody may write to, of no time. @param owner the number of its user and group */
export function tarHeader({ name, size, kind }: TarHeader, owner = 0): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(name, 0, 100, 'latin1');
  block.write('0000444\0', 100, 'latin1');
  const id = `${owner.toString(8).padStart(7, '0')}\0`;
  block.write(id + id, 108, 'latin1');
  writeSize(block, size);
  block.write('00000000000\0', 136, 'latin1');
  block.write(kind === 'pax' ? 'x' : '0', TYPE_AT, 'latin1');
  MAGIC.copy(block, 257);
  block.write(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, SUM_AT, 'latin1');
  return block;
}

/** What octal digits cannot tell, from 8 GiB on, is told in bytes, as GNU tar and Go do. */
function writeSize(block: Buffer, size: number): void {
  if (size < 8 ** 11) {
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    return;
  }
  block[124] = 0x80;
  block.writeBigUInt64BE(BigInt(size), 128);
}

function readSize(block: Buffer): number | undefined {
  if (block[124] !== 0x80) return octalOf(block, 124, 12);
  const size = block.readBigUInt64BE(128);
  const isPlain = block.subarray(125, 128).every((byte) => byte === 0);
  return isPlain && size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : undefined;
}
