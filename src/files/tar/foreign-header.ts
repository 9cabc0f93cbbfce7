import { TAR_BLOCK } from './tar-header.js';
import { isTarHeader, octalOf, textOf } from './tar-fields.js';

/** What one header of an archive says that other programs wrote. */
export interface ForeignHeader {
  readonly name: string;
  /** Bytes of what follows in the archive. */
  readonly size: number;
  /** `facts`: about the next entry; `long-name`: its name; `global`: about all that follow, passed over. */
  readonly kind: 'file' | 'folder' | 'sparse' | 'link' | 'facts' | 'long-name' | 'global';
}

const KINDS: Readonly<Record<string, ForeignHeader['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '2': 'link',
  '5': 'folder',
  S: 'sparse',
  x: 'facts',
  g: 'global',
  L: 'long-name',
};

/** A part of a sparse file, of GNU tar's old kind: where it belongs, and how long it is. */
export interface SparsePart {
  readonly offset: number;
  readonly length: number;
}

/**
 * Reads a header as GNU tar, bsdtar, Go or Python write it. Hard links and devices are refused, as anything is that is
 * not known.
 * @param fail is told what is wrong, as a sentence goes on after "…: ", and throws
 */
export function readForeignHeader(block: Buffer, fail: (problem: string) => never): ForeignHeader {
  if (!isTarHeader(block)) fail('a header of it is damaged');
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? textOf(block, 345, 155) : '';
  const own = textOf(block, 0, 100);
  const name = prefix === '' ? own : `${prefix}/${own}`;
  const type = String.fromCharCode(block[156] ?? 0);
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) {
    const what = JSON.stringify(type);
    return fail(`its entry ${JSON.stringify(name)} is no regular file (type ${what})`);
  }
  const size = sizeOf(block, 124);
  if (size === undefined) return fail(`the size of its entry ${JSON.stringify(name)} is no number`);
  return { name, size, kind };
}

/** Where the map of a sparse file stands in its header, and in each block behind that goes on with it. */
const IN_HEADER = { at: 386, parts: 4, goesOn: 482, realSize: 483 };
const IN_BLOCK = { at: 0, parts: 21, goesOn: 504 };

/** The parts that a header, or a block behind it, names, and whether a further block follows. */
export function readSparseParts(
  block: Buffer,
  where: 'header' | 'block',
  fail: (problem: string) => never,
): { readonly parts: readonly SparsePart[]; readonly goesOn: boolean } {
  const { at, parts, goesOn } = where === 'header' ? IN_HEADER : IN_BLOCK;
  const found: SparsePart[] = [];
  for (let index = 0; index < parts; index += 1) {
    const place = at + index * 24;
    if (block[place] === 0) break;
    const [offset, length] = [sizeOf(block, place), sizeOf(block, place + 12)];
    if (offset === undefined || length === undefined) return fail('a map of holes is damaged');
    found.push({ offset, length });
  }
  return { parts: found, goesOn: block[goesOn] === 1 };
}

/** How large a sparse file is with its holes. */
export function realSizeOf(block: Buffer): number | undefined {
  return sizeOf(block, IN_HEADER.realSize);
}

/** A number of 12 bytes: octal digits, or for more than 8 GiB GNU's binary. */
function sizeOf(block: Buffer, at: number): number | undefined {
  if (block[at] !== 0x80) return octalOf(block, at, 12);
  const high = block.readUInt32BE(at);
  const value = block.readBigUInt64BE(at + 4);
  const fits = high === 0x80_00_00_00 && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return fits ? Number(value) : undefined;
}

/** Whether bytes begin as a tar archive does. */
export function looksLikeTar(start: Buffer): boolean {
  return start.length >= TAR_BLOCK && isTarHeader(start.subarray(0, TAR_BLOCK));
}
