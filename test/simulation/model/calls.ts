import { constants } from 'node:fs';
import { join } from 'node:path';
import type { FileSystem } from './file-system.js';
import type { Descriptors, Inode, OpenFile } from './inode.js';
import { ModelDirent, statsOf } from './stats.js';
import { systemError } from './system-error.js';

/** One system call, which happens at once; between two others may come in. */
export interface Step {
  /** For the trace. */
  readonly label: string;
  readonly work: () => unknown;
}

/** What Node makes of several system calls, as they come. */
export type Calls<T> = Generator<Step, T, unknown>;

/** One call. */
export function* call<T>(label: string, work: () => T): Calls<T> {
  return (yield { label, work }) as T;
}

/** What the calls of one process are about. */
export interface Caller {
  readonly files: FileSystem;
  readonly descriptors: Descriptors;
  /** Whether files can share their extents. */
  readonly canShare: boolean;
  /** The content of a file that the kernel or the system made: `/proc/self/stat`. */
  readonly special: (path: string) => string | undefined;
}

/** How a file is opened, as Node has it. */
export interface OpenHow {
  readonly flags?: string | number | undefined;
  readonly mode?: number | undefined;
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = constants;
const FLAGS: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  'r+': O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  'w+': O_RDWR | O_CREAT | O_TRUNC,
  'wx+': O_RDWR | O_CREAT | O_TRUNC | O_EXCL,
  a: O_WRONLY | O_CREAT | O_APPEND,
  ax: O_WRONLY | O_CREAT | O_APPEND | O_EXCL,
};

const PIECE = 64 * 1024;

/** The calls of `node:fs`, each as the system calls that it is made of. */
export class FsCalls {
  readonly caller: Caller;

  constructor(caller: Caller) {
    this.caller = caller;
  }

  *stat(path: string, { follow, bigint }: { follow: boolean; bigint: boolean }): Calls<object> {
    const syscall = follow ? 'stat' : 'lstat';
    return yield* call(`${syscall} ${path}`, () =>
      statsOf(this.caller.files.stat(path, { follow, syscall }), bigint),
    );
  }

  *fstat(descriptor: number, bigint: boolean): Calls<object> {
    return yield* call(`fstat ${this.#pathOf(descriptor)}`, () =>
      statsOf(this.file(descriptor, 'fstat').inode, bigint),
    );
  }

  *open(path: string, { flags = 'r', mode = 0o666 }: OpenHow = {}): Calls<number> {
    const bits = typeof flags === 'number' ? flags : FLAGS[flags];
    if (bits === undefined) throw new Error(`the model knows no flags ${flags}`);
    const { files, descriptors } = this.caller;
    return yield* call(`open ${path} ${flags}`, () =>
      files.open(descriptors, path, { flags: bits, mode }),
    );
  }

  *close(descriptor: number): Calls<void> {
    yield* call(`close ${this.#pathOf(descriptor)}`, () => {
      if (!this.caller.descriptors.close(descriptor))
        throw systemError('EBADF', { syscall: 'close' });
    });
  }

  *read(descriptor: number, into: Uint8Array, position: number | null): Calls<number> {
    return yield* call(`read ${this.#pathOf(descriptor)}`, () =>
      this.caller.files.read(this.file(descriptor, 'read'), into, position),
    );
  }

  *write(descriptor: number, data: Uint8Array, position: number | null): Calls<number> {
    // Taken as it is now: whoever wrote it may use the buffer again.
    const copy = Buffer.from(data);
    return yield* call(`write ${this.#pathOf(descriptor)} ${copy.length}`, () =>
      this.caller.files.write(this.file(descriptor, 'write'), copy, position),
    );
  }

  *truncate(descriptor: number, length: number): Calls<void> {
    yield* call(`truncate ${this.#pathOf(descriptor)} ${length}`, () => {
      this.caller.files.truncate(this.file(descriptor, 'ftruncate'), length);
    });
  }

  *sync(descriptor: number): Calls<void> {
    yield* call(`fsync ${this.#pathOf(descriptor)}`, () => {
      this.caller.files.sync(this.file(descriptor, 'fsync'));
    });
  }

  *chmod(path: string, mode: number): Calls<void> {
    yield* call(`chmod ${path}`, () => {
      const { files } = this.caller;
      files.chmod(files.stat(path, { follow: true, syscall: 'chmod' }), mode);
    });
  }

  *utimes(path: string, mtime: Date | number): Calls<void> {
    const ms = typeof mtime === 'number' ? mtime * 1000 : mtime.getTime();
    yield* call(`utimes ${path}`, () => {
      const { files } = this.caller;
      files.setTimes(
        files.stat(path, { follow: true, syscall: 'utime' }),
        BigInt(Math.round(ms)) * 1_000_000n,
      );
    });
  }

  *simple(
    name: 'mkdir' | 'rmdir' | 'unlink' | 'link' | 'rename' | 'symlink',
    path: string,
    more?: string | number,
  ): Calls<void> {
    const { files } = this.caller;
    yield* call(`${name} ${path}${typeof more === 'string' ? ` -> ${more}` : ''}`, () => {
      if (name === 'mkdir') files.mkdir(path, typeof more === 'number' ? more : 0o777);
      else if (name === 'rmdir' || name === 'unlink') files[name](path);
      else files[name](path, String(more));
    });
  }

  *readlink(path: string): Calls<string> {
    return yield* call(
      `readlink ${path}`,
      () => this.caller.special(path) ?? this.caller.files.readlink(path),
    );
  }

  *realpath(path: string): Calls<string> {
    return yield* call(`realpath ${path}`, () => this.caller.files.realpath(path));
  }

  *access(path: string): Calls<void> {
    yield* call(`access ${path}`, () => {
      this.caller.files.stat(path, { follow: true, syscall: 'access' });
    });
  }

  *readdir(path: string): Calls<ModelDirent[]> {
    return yield* call(`readdir ${path}`, () =>
      [...this.caller.files.readdir(path)]
        .sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
        .map(([name, inode]) => new ModelDirent(name, inode, path)),
    );
  }

  *readFile(path: string | number): Calls<Buffer> {
    const special = typeof path === 'string' ? this.caller.special(path) : undefined;
    if (special !== undefined) return Buffer.from(special);
    const descriptor = typeof path === 'number' ? path : yield* this.open(path);
    try {
      const pieces: Buffer[] = [];
      for (;;) {
        const size = this.file(descriptor, 'read').inode.data.length;
        const piece = Buffer.allocUnsafe(Math.min(size + 1, PIECE));
        const count = yield* this.read(descriptor, piece, null);
        if (count === 0) return Buffer.concat(pieces);
        pieces.push(piece.subarray(0, count));
      }
    } finally {
      if (typeof path === 'string') yield* this.close(descriptor);
    }
  }

  *writeFile(path: string | number, data: Uint8Array, how: OpenHow = {}): Calls<void> {
    const descriptor =
      typeof path === 'number' ? path : yield* this.open(path, { flags: 'w', ...how });
    try {
      if (data.length > 0) yield* this.write(descriptor, data, null);
    } finally {
      if (typeof path === 'string') yield* this.close(descriptor);
    }
  }

  *copyFile(from: string, to: string, mode: number): Calls<void> {
    const { files, descriptors, canShare } = this.caller;
    const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
    const failed = { syscall: 'copyfile', path: from, dest: to };
    const isForced = (mode & COPYFILE_FICLONE_FORCE) !== 0;
    if (!isForced) throw new Error('the model copies no files but by sharing them');
    const source = yield* this.#copying(failed, this.open(from));
    const flags = O_WRONLY | O_CREAT | ((mode & COPYFILE_EXCL) === 0 ? 0 : O_EXCL);
    let target: number | undefined;
    try {
      target = yield* this.#copying(failed, this.open(to, { flags, mode: 0o600 }));
      const [one, other] = [this.file(source, 'copyfile'), descriptors.get(target)];
      yield* call(`ficlone ${from} -> ${to}`, () => {
        if (!canShare || other === undefined) throw systemError('ENOTSUP', failed);
        files.share(one, other);
        files.chmod(other.inode, one.inode.mode);
      });
    } catch (error) {
      if (target !== undefined) yield* this.simple('unlink', to);
      throw error;
    } finally {
      if (target !== undefined) yield* this.close(target);
      yield* this.close(source);
    }
  }

  *rm(path: string, { recursive, force }: { recursive: boolean; force: boolean }): Calls<void> {
    let inode: Inode;
    try {
      const { files } = this.caller;
      inode = yield* call(`lstat ${path}`, () =>
        files.stat(path, { follow: false, syscall: 'lstat' }),
      );
    } catch (error) {
      if (force && codeOf(error) === 'ENOENT') return;
      throw error;
    }
    if (inode.kind === 'folder' && !recursive) {
      throw Object.assign(new Error(`Path is a directory: rm returned EISDIR`), {
        code: 'ERR_FS_EISDIR',
      });
    }
    yield* this.#remove(path, inode.kind === 'folder');
  }

  /** @throws the system's EBADF */
  file(descriptor: number, syscall: string): OpenFile {
    const file = this.caller.descriptors.get(descriptor);
    if (file === undefined) throw systemError('EBADF', { syscall });
    return file;
  }

  *#remove(path: string, isFolder: boolean): Calls<void> {
    try {
      if (!isFolder) {
        yield* this.simple('unlink', path);
        return;
      }
      for (const entry of yield* this.readdir(path)) {
        yield* this.#remove(join(path, entry.name), entry.isDirectory());
      }
      yield* this.simple('rmdir', path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  /** What one of the calls that a copy is made of has to say, said of the copy. */
  *#copying<T>(failed: Parameters<typeof systemError>[1], calls: Calls<T>): Calls<T> {
    try {
      return yield* calls;
    } catch (error) {
      throw systemError(codeOf(error) ?? 'EIO', failed);
    }
  }

  #pathOf(descriptor: number): string {
    return this.caller.descriptors.get(descriptor)?.path ?? `fd ${descriptor}`;
  }
}

/** The system's code of an error. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
