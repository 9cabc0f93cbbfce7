import type { Random } from '../random.js';
import { Inode } from './inode.js';

/**
 * What a file system promises of changes of folders that nobody has synced:
 * - `ordered`: they reach the disk in order, and whatever is synced takes all before it along (ext4, XFS)
 * - `logged`: the same up to a moment; of what came after it only what was synced is there, with the names of a synced
 *   file (btrfs)
 * - `loose`: each entry by itself; what is synced is what its own folder had (POSIX, to the letter)
 */
export type Regime = 'ordered' | 'logged' | 'loose';

/** An entry of a folder that changes, for one step: a rename is two, which are never torn apart. */
interface Entry {
  readonly folder: number;
  readonly name: string;
  /** What is there afterwards; undefined: nothing. */
  readonly inode: number | undefined;
}

interface Change {
  readonly entries: readonly Entry[];
  isDurable: boolean;
}

const BLOCK = 4096;

/** What has reached the disk, and what is on its way there. */
export class Journal {
  readonly #regime: Regime;
  readonly #inodes = new Map<number, Inode>();
  /** Entries of folders as they are on the disk. */
  readonly #disk = new Map<number, Map<string, number>>();
  #changes: Change[] = [];

  constructor(regime: Regime) {
    this.#regime = regime;
  }

  know(inode: Inode): void {
    this.#inodes.set(inode.ino, inode);
  }

  changed(...entries: Entry[]): void {
    this.#changes.push({ entries, isDurable: false });
  }

  synced(inode: Inode): void {
    settleData(inode);
    if (this.#regime === 'ordered') {
      for (const change of this.#changes) this.#write(change);
      this.#changes = [];
      return;
    }
    const isTold = ({ folder, inode: there }: Entry): boolean =>
      folder === inode.ino || (this.#regime === 'logged' && there === inode.ino);
    for (const change of this.#changes) if (change.entries.some(isTold)) change.isDurable = true;
    if (this.#regime === 'logged') this.#syncNamesAbove(inode.ino);
  }

  /** All of it reaches the disk, as when nothing happens for a while. */
  settle(): void {
    for (const change of this.#changes) this.#write(change);
    this.#changes = [];
    for (const inode of this.#inodes.values()) settleData(inode);
  }

  /** Cuts the power. @returns the root as it is found afterwards */
  cut(random: Random, root: Inode): Inode {
    for (const change of this.#chosen(random)) this.#write(change);
    this.#changes = [];
    const found = new Map<number, Inode>();
    const again = this.#read(root.ino, { found, random });
    this.#inodes.clear();
    for (const inode of found.values()) this.know(inode);
    return again;
  }

  /** What leads to something new that was synced is there, too. */
  #syncNamesAbove(ino: number): void {
    for (let above: number | undefined = ino; above !== undefined;) {
      const child: number = above;
      above = undefined;
      for (const change of this.#changes) {
        const entry = change.entries.find(({ inode }) => inode === child);
        if (entry === undefined) continue;
        change.isDurable = true;
        above = entry.folder;
      }
    }
  }

  #chosen(random: Random): Change[] {
    const changes = this.#changes;
    const isOneByOne = this.#regime === 'loose';
    const moment = isOneByOne ? 0 : random.below(changes.length + 1);
    const odds = 1 + random.below(4);
    const isKept = changes.map(
      (change, index) =>
        index < moment || change.isDurable || (isOneByOne && random.below(odds + 1) === 0),
    );
    // What happened to one entry happens in order.
    const needed = new Set<string>();
    for (let index = changes.length - 1; index >= 0; index -= 1) {
      const keys = changes[index]?.entries.map(({ folder, name }) => `${folder}/${name}`) ?? [];
      if (isKept[index] !== true && !keys.some((key) => needed.has(key))) continue;
      isKept[index] = true;
      for (const key of keys) needed.add(key);
    }
    return changes.filter((_, index) => isKept[index]);
  }

  #write({ entries }: Change): void {
    for (const { folder, name, inode } of entries) {
      const there = this.#disk.get(folder) ?? new Map<string, number>();
      this.#disk.set(folder, there);
      if (inode === undefined) there.delete(name);
      else there.set(name, inode);
    }
  }

  #read(ino: number, cut: { found: Map<number, Inode>; random: Random }): Inode {
    const known = cut.found.get(ino);
    if (known !== undefined) return known;
    const before = this.#inodes.get(ino);
    if (before === undefined) throw new Error(`inode ${ino} is not known`);
    const { kind, mode } = before;
    const inode = new Inode(ino, { kind, mode, now: before.mtime });
    cut.found.set(ino, inode);
    inode.target = before.target;
    inode.data = kind === 'file' ? dataAfterCut(before, cut.random) : before.data;
    settleData(inode);
    for (const [name, entry] of this.#disk.get(ino) ?? []) {
      const child = this.#read(entry, cut);
      child.nlink += 1;
      inode.entries.set(name, child);
    }
    return inode;
  }
}

/** Its content is on the disk. */
function settleData(inode: Inode): void {
  inode.isOwn = false;
  inode.durable = inode.data;
  inode.shortest = inode.data.length;
}

/** What was written and not synced: there, not there, of its length and empty, cut off, or block by block either. */
function dataAfterCut({ data, durable, shortest }: Inode, random: Random): Buffer {
  if (data === durable) return data;
  switch (random.below(5)) {
    case 0:
      return durable;
    case 1:
      return data;
    case 2:
      return Buffer.concat([
        durable.subarray(0, data.length),
        Buffer.alloc(Math.max(0, data.length - durable.length)),
      ]);
    case 3:
      return data.subarray(0, shortest + random.below(data.length - shortest + 1));
    default: {
      const mixed = Buffer.alloc(random.oneIn(2) ? data.length : durable.length);
      for (let at = 0; at < mixed.length; at += BLOCK) {
        const from = random.oneIn(2) ? data : durable;
        if (at < from.length) from.copy(mixed, at, at, Math.min(at + BLOCK, mixed.length));
      }
      return mixed;
    }
  }
}
