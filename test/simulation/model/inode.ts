/** What an inode is. */
export type Kind = 'file' | 'folder' | 'link';

const NOTHING = Buffer.alloc(0);

/**
 * A file, a folder or a symbolic link of the model, by whatever names it has. Content is replaced, and only changed
 * where nobody else has it.
 */
export class Inode {
  readonly ino: number;
  readonly kind: Kind;
  mode: number;
  nlink = 0;
  /** Of a file. */
  data: Buffer = NOTHING;
  /** Whether nobody else has that very content, so that it can be written to. */
  isOwn = false;
  /** What of that a power cut leaves for certain. */
  durable: Buffer = NOTHING;
  /** The shortest that it was since then: no power cut leaves less of it. */
  shortest = 0;
  /** Of a folder. */
  readonly entries = new Map<string, Inode>();
  /** Of a link. */
  target = '';
  /** Nanoseconds. */
  mtime: bigint;
  ctime: bigint;
  readonly birth: bigint;
  /** Who holds a lock on it (flock(2)). */
  readonly locks = new Set<OpenFile>();

  constructor(ino: number, { kind, mode, now }: { kind: Kind; mode: number; now: bigint }) {
    this.ino = ino;
    this.kind = kind;
    this.mode = mode;
    this.mtime = this.ctime = this.birth = now;
  }
}

/** An open file description: what descriptors of several processes may share, and a lock belongs to. */
export class OpenFile {
  readonly inode: Inode;
  readonly flags: number;
  readonly path: string;
  position = 0;
  /** Descriptors that refer to it. */
  users = 1;
  lock: 'shared' | 'exclusive' | undefined;

  constructor(inode: Inode, flags: number, path: string) {
    this.inode = inode;
    this.flags = flags;
    this.path = path;
  }

  /**
   * Takes a lock, or turns it into another (flock(2) with LOCK_NB: what was held is lost then). @returns whether it
   * could
   */
  tryLock(mode: 'shared' | 'exclusive'): boolean {
    const others = [...this.inode.locks].filter((other) => other !== this);
    this.unlock();
    const isFree =
      others.length === 0 ||
      (mode === 'shared' && others.every((other) => other.lock === 'shared'));
    if (!isFree) return false;
    this.lock = mode;
    this.inode.locks.add(this);
    return true;
  }

  unlock(): void {
    this.lock = undefined;
    this.inode.locks.delete(this);
  }

  /** One descriptor less; with the last one the lock falls. */
  drop(): void {
    this.users -= 1;
    if (this.users === 0) this.unlock();
  }
}

/** The files that one process has open. */
export class Descriptors {
  readonly #open = new Map<number, OpenFile>();
  #next = 20;

  add(file: OpenFile): number {
    const descriptor = this.#next++;
    this.#open.set(descriptor, file);
    return descriptor;
  }

  /** Has a file open under a given number that another process has open, too. */
  inherit(descriptor: number, file: OpenFile): void {
    file.users += 1;
    this.#open.set(descriptor, file);
  }

  get(descriptor: number): OpenFile | undefined {
    return this.#open.get(descriptor);
  }

  /** @returns whether it was open */
  close(descriptor: number): boolean {
    const file = this.#open.get(descriptor);
    this.#open.delete(descriptor);
    file?.drop();
    return file !== undefined;
  }

  closeAll(): void {
    for (const descriptor of [...this.#open.keys()]) this.close(descriptor);
  }
}
