import { constants } from 'node:fs';
import type { Random } from '../random.js';
import { Inode, OpenFile, type Descriptors, type Kind } from './inode.js';
import type { Journal } from './journal.js';
import { systemError } from './system-error.js';

/** What a path leads to. */
interface Place {
  readonly folder: Inode;
  readonly name: string;
  readonly inode: Inode | undefined;
}

/** Which call looks a path up, for its error, and how. */
interface Lookup {
  readonly syscall: string;
  /** For the message, where it is not `path` itself. */
  readonly about?: { readonly path: string; readonly dest?: string } | undefined;
  /** True: a link at the end is followed. */
  readonly follow?: boolean;
}

const MOST_LINKS = 40;
const LONGEST_NAME = 255;

/** The kernel stamps inodes with the time of its last tick. */
const TICK_NS = 4_000_000n;

const ROOT_INODE = 2;

/**
 * The system calls on one file system, each of which happens at once. Nobody is refused anything: the caller is root.
 */
export class FileSystem {
  readonly #journal: Journal;
  readonly #clock: () => bigint;
  readonly #umask: number;
  root: Inode;
  #lastInode = ROOT_INODE;

  constructor(
    journal: Journal,
    { clock, umask = 0o022 }: { readonly clock: () => bigint; readonly umask?: number },
  ) {
    this.#journal = journal;
    this.#clock = clock;
    this.#umask = umask;
    this.root = new Inode(ROOT_INODE, { kind: 'folder', mode: 0o755, now: this.#now() });
    journal.know(this.root);
  }

  /** What is left of it is what a power cut leaves. Nobody may have anything open any more. */
  cut(random: Random): void {
    this.root = this.#journal.cut(random, this.root);
  }

  /** @throws the system's ENOENT, ENOTDIR, ELOOP */
  stat(path: string, { follow, syscall }: { follow: boolean; syscall: string }): Inode {
    return this.#existing(path, { syscall, follow });
  }

  mkdir(path: string, mode: number): void {
    const place = this.#find(path, { syscall: 'mkdir' });
    if (place.inode !== undefined) throw systemError('EEXIST', { syscall: 'mkdir', path });
    this.#add(place, this.#create('folder', mode & ~this.#umask));
  }

  symlink(target: string, path: string): void {
    const about = { path: target, dest: path };
    const place = this.#find(path, { syscall: 'symlink', about });
    if (place.inode !== undefined) throw systemError('EEXIST', { syscall: 'symlink', ...about });
    const link = this.#create('link', 0o777);
    link.target = target;
    this.#add(place, link);
  }

  readlink(path: string): string {
    const inode = this.#existing(path, { syscall: 'readlink' });
    if (inode.kind !== 'link') throw systemError('EINVAL', { syscall: 'readlink', path });
    return inode.target;
  }

  readdir(path: string): Inode['entries'] {
    const inode = this.#existing(path, { syscall: 'scandir', follow: true });
    if (inode.kind !== 'folder') throw systemError('ENOTDIR', { syscall: 'scandir', path });
    return inode.entries;
  }

  rmdir(path: string): void {
    const place = this.#find(path, { syscall: 'rmdir' });
    const inode = this.#there(place, { syscall: 'rmdir', path });
    if (inode.kind !== 'folder') throw systemError('ENOTDIR', { syscall: 'rmdir', path });
    if (inode.entries.size > 0) throw systemError('ENOTEMPTY', { syscall: 'rmdir', path });
    this.#remove(place, inode);
  }

  unlink(path: string): void {
    const place = this.#find(path, { syscall: 'unlink' });
    const inode = this.#there(place, { syscall: 'unlink', path });
    if (inode.kind === 'folder') throw systemError('EISDIR', { syscall: 'unlink', path });
    this.#remove(place, inode);
  }

  link(path: string, dest: string): void {
    const failed = { syscall: 'link', path, dest };
    const inode = this.#existing(path, { syscall: 'link', about: failed });
    const place = this.#find(dest, { syscall: 'link', about: failed });
    if (place.inode !== undefined) throw systemError('EEXIST', failed);
    if (inode.kind === 'folder') throw systemError('EPERM', failed);
    inode.ctime = this.#now();
    this.#add(place, inode);
  }

  rename(path: string, dest: string): void {
    const failed = { syscall: 'rename', path, dest };
    const from = this.#find(path, { syscall: 'rename', about: failed });
    const to = this.#find(dest, { syscall: 'rename', about: failed });
    const inode = this.#there(from, failed);
    if (to.inode === inode) return;
    if (inode.kind === 'folder' && `${dest}/`.startsWith(`${path}/`))
      throw systemError('EINVAL', failed);
    if (to.inode !== undefined) {
      const isFolder = to.inode.kind === 'folder';
      if (isFolder && `${path}/`.startsWith(`${dest}/`)) throw systemError('ENOTEMPTY', failed);
      if (inode.kind === 'folder' && !isFolder) throw systemError('ENOTDIR', failed);
      if (inode.kind !== 'folder' && isFolder) throw systemError('EISDIR', failed);
      if (to.inode.entries.size > 0) throw systemError('ENOTEMPTY', failed);
      to.inode.nlink -= 1;
      to.inode.ctime = this.#now();
    }
    from.folder.entries.delete(from.name);
    to.folder.entries.set(to.name, inode);
    from.folder.mtime = from.folder.ctime = to.folder.mtime = to.folder.ctime = this.#now();
    inode.ctime = this.#now();
    this.#journal.changed(
      { folder: from.folder.ino, name: from.name, inode: undefined },
      { folder: to.folder.ino, name: to.name, inode: inode.ino },
    );
  }

  chmod(inode: Inode, mode: number): void {
    inode.mode = mode & 0o7777;
    inode.ctime = this.#now();
  }

  setTimes(inode: Inode, mtime: bigint): void {
    inode.mtime = mtime;
    inode.ctime = this.#now();
  }

  open(table: Descriptors, path: string, { flags, mode }: { flags: number; mode: number }): number {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_DIRECTORY, O_ACCMODE } = FLAGS;
    const failed = { syscall: 'open', path };
    const isNew = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
    const follow = (flags & O_NOFOLLOW) === 0 && !isNew;
    const place = this.#find(path, { syscall: 'open', follow });
    let { inode } = place;
    if (inode !== undefined && isNew) throw systemError('EEXIST', failed);
    if (inode === undefined) {
      if ((flags & O_CREAT) === 0) throw systemError('ENOENT', failed);
      inode = this.#create('file', mode & ~this.#umask);
      this.#add(place, inode);
    }
    if (inode.kind === 'link') throw systemError('ELOOP', failed);
    const isFolder = inode.kind === 'folder';
    if (isFolder && ((flags & O_ACCMODE) !== 0 || (flags & O_CREAT) !== 0))
      throw systemError('EISDIR', failed);
    if (!isFolder && (flags & O_DIRECTORY) !== 0) throw systemError('ENOTDIR', failed);
    if ((flags & O_TRUNC) !== 0 && !isFolder) this.#fill(inode, Buffer.alloc(0), { isOwn: true });
    return table.add(new OpenFile(inode, flags, path));
  }

  /** @param position null: where the file stands, which goes on then */
  read(file: OpenFile, into: Uint8Array, position: number | null): number {
    this.#require(file, { toWrite: false, syscall: 'read' });
    if (file.inode.kind === 'folder') throw systemError('EISDIR', { syscall: 'read' });
    const at = position ?? file.position;
    const { data } = file.inode;
    const count = data.copy(into, 0, Math.min(at, data.length), at + into.length);
    if (position === null) file.position += count;
    return count;
  }

  write(file: OpenFile, data: Uint8Array, position: number | null): number {
    this.#require(file, { toWrite: true, syscall: 'write' });
    const before = file.inode.data;
    const isAppending = (file.flags & constants.O_APPEND) !== 0;
    const at = isAppending ? before.length : (position ?? file.position);
    if (data.length > 0) {
      const isWithin = file.inode.isOwn && at + data.length <= before.length;
      const after = isWithin ? before : Buffer.alloc(Math.max(before.length, at + data.length));
      if (!isWithin) before.copy(after);
      after.set(data, at);
      this.#fill(file.inode, after, { isOwn: true });
    }
    if (position === null || isAppending) file.position = at + data.length;
    return data.length;
  }

  truncate(file: OpenFile, length: number): void {
    this.#require(file, { toWrite: true, syscall: 'ftruncate', refusal: 'EINVAL' });
    const after = Buffer.alloc(length);
    file.inode.data.copy(after);
    this.#fill(file.inode, after, { isOwn: true });
  }

  /** Shares the content of one file with another, as FICLONE does. */
  share(from: OpenFile, to: OpenFile): void {
    from.inode.isOwn = false;
    this.#fill(to.inode, from.inode.data, { isOwn: false });
  }

  /** The content of a file, which stays as it is, whatever is written. */
  content(path: string): Buffer {
    const inode = this.#existing(path, { syscall: 'open', follow: true });
    inode.isOwn = false;
    return inode.data;
  }

  sync(file: OpenFile): void {
    this.#journal.synced(file.inode);
  }

  realpath(path: string): string {
    const steps: string[] = [];
    const found = this.#walk(
      path,
      { syscall: 'realpath', follow: true, links: 0, about: { path } },
      steps,
    );
    if (found.inode === undefined) throw systemError('ENOENT', { syscall: 'realpath', path });
    return `/${steps.join('/')}`;
  }

  #require(
    file: OpenFile,
    {
      toWrite,
      syscall,
      refusal = 'EBADF',
    }: { toWrite: boolean; syscall: string; refusal?: string },
  ): void {
    const access = file.flags & FLAGS.O_ACCMODE;
    const isRight = access === constants.O_RDWR || access === (toWrite ? constants.O_WRONLY : 0);
    if (!isRight) throw systemError(refusal, { syscall });
  }

  #create(kind: Kind, mode: number): Inode {
    const inode = new Inode(++this.#lastInode, { kind, mode: mode & 0o7777, now: this.#now() });
    this.#journal.know(inode);
    return inode;
  }

  #fill(inode: Inode, data: Buffer, { isOwn }: { isOwn: boolean }): void {
    inode.data = data;
    inode.isOwn = isOwn;
    inode.shortest = Math.min(inode.shortest, data.length);
    inode.mtime = inode.ctime = this.#now();
  }

  #add({ folder, name }: Place, inode: Inode): void {
    folder.entries.set(name, inode);
    inode.nlink += 1;
    folder.mtime = folder.ctime = this.#now();
    this.#journal.changed({ folder: folder.ino, name, inode: inode.ino });
  }

  #remove({ folder, name }: Place, inode: Inode): void {
    folder.entries.delete(name);
    inode.nlink -= 1;
    folder.mtime = folder.ctime = inode.ctime = this.#now();
    this.#journal.changed({ folder: folder.ino, name, inode: undefined });
  }

  #existing(path: string, lookup: Lookup): Inode {
    return this.#there(this.#find(path, lookup), {
      syscall: lookup.syscall,
      ...(lookup.about ?? { path }),
    });
  }

  #there({ inode }: Place, failed: Parameters<typeof systemError>[1]): Inode {
    if (inode === undefined) throw systemError('ENOENT', failed);
    return inode;
  }

  #find(path: string, lookup: Lookup): Place {
    const { syscall, about = { path }, follow = false } = lookup;
    return this.#walk(path, { syscall, about, follow, links: 0 }, []);
  }

  #walk(
    path: string,
    lookup: Required<Pick<Lookup, 'syscall' | 'follow'>> & {
      readonly about: { readonly path: string; readonly dest?: string };
      readonly links: number;
    },
    steps: string[],
  ): Place {
    const { syscall, about, links, follow } = lookup;
    const fail = (code: string): Error => systemError(code, { syscall, ...about });
    if (path === '') throw fail('ENOENT');
    if (path !== '/' && path.endsWith('/'))
      throw new Error(`the model knows no slash at the end: ${path}`);
    if (links > MOST_LINKS) throw fail('ELOOP');
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    const trail: Inode[] = [this.root];
    steps.length = 0;
    for (const [index, name] of names.entries()) {
      const isLast = index === names.length - 1;
      const folder = trail.at(-1) ?? this.root;
      if (folder.kind !== 'folder') throw fail('ENOTDIR');
      if (Buffer.byteLength(name) > LONGEST_NAME) throw fail('ENAMETOOLONG');
      if (name === '..') throw new Error(`the model knows no "..": ${path}`);
      const inode = folder.entries.get(name);
      if (inode?.kind === 'link' && (!isLast || follow)) {
        const target = inode.target.startsWith('/')
          ? inode.target
          : `/${[...steps, inode.target].join('/')}`;
        const rest = names.slice(index + 1).join('/');
        return this.#walk(
          rest === '' ? target : `${target}/${rest}`,
          { ...lookup, links: links + 1 },
          steps,
        );
      }
      steps.push(name);
      if (isLast) return { folder, name, inode };
      if (inode === undefined) throw fail('ENOENT');
      trail.push(inode);
    }
    return { folder: this.root, name: '', inode: this.root };
  }

  #now(): bigint {
    const now = this.#clock();
    return now - (now % TICK_NS);
  }
}

const FLAGS = { ...constants, O_ACCMODE: 3 };
