import type { Inode, Kind } from './inode.js';

const FORMATS: Readonly<Record<Kind, number>> = {
  file: 0o10_0000,
  folder: 0o4_0000,
  link: 0o12_0000,
};
const BLOCK = 512;
const FOLDER_SIZE = 4096;
const MILLION = 1_000_000n;

/** What tells kinds apart, of an inode or of an entry of a folder. */
class KindOf {
  readonly #kind: Kind;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  isFile(): boolean {
    return this.#kind === 'file';
  }

  isDirectory(): boolean {
    return this.#kind === 'folder';
  }

  isSymbolicLink(): boolean {
    return this.#kind === 'link';
  }

  isFIFO(): boolean {
    return false;
  }

  isSocket(): boolean {
    return false;
  }

  isBlockDevice(): boolean {
    return false;
  }

  isCharacterDevice(): boolean {
    return false;
  }
}

/** An entry of a folder, as Node has it. */
export class ModelDirent extends KindOf {
  readonly name: string;
  readonly parentPath: string;
  readonly path: string;

  constructor(name: string, inode: Inode, folder: string) {
    super(inode.kind);
    this.name = name;
    this.parentPath = this.path = folder;
  }
}

/** What stat(2) says, as Node has it. @param bigint whether its numbers are big */
export function statsOf(inode: Inode, bigint: boolean): object {
  const size = sizeOf(inode);
  const { ino, kind, mtime, ctime, birth, nlink } = inode;
  const mode = FORMATS[kind] | inode.mode;
  const blocks = kind === 'file' ? Math.ceil(size / BLOCK) : 0;
  const numbers = {
    dev: 64_768,
    ino,
    mode,
    nlink,
    uid: uid(),
    gid: 0,
    rdev: 0,
    size,
    blksize: 4096,
    blocks,
  };
  const times = { atime: mtime, mtime, ctime, birthtime: birth };
  const dates = Object.entries(times).map(([name, at]) => [name, new Date(Number(at / MILLION))]);
  const inMs = Object.entries(times).map(([name, at]) => [
    `${name}Ms`,
    bigint ? at / MILLION : Number(at) / 1e6,
  ]);
  const inNs = bigint ? Object.entries(times).map(([name, at]) => [`${name}Ns`, at]) : [];
  const shown = bigint
    ? Object.entries(numbers).map(([name, value]) => [name, BigInt(value)])
    : Object.entries(numbers);
  return Object.assign(
    new KindOf(kind),
    Object.fromEntries([...shown, ...dates, ...inMs, ...inNs] as [string, unknown][]),
  );
}

function sizeOf({ kind, data, target }: Inode): number {
  if (kind === 'folder') return FOLDER_SIZE;
  return kind === 'link' ? Buffer.byteLength(target) : data.length;
}

function uid(): number {
  return process.geteuid?.() ?? 0;
}
