import { constants } from 'node:fs';
import { call, codeOf, FsCalls, type Caller, type Calls, type OpenHow } from './calls.js';
import { bytesOf, encodingOf, ModelFileHandle, type Content, type Later } from './file-handle.js';

/** How the calls of a process are carried out. */
export interface Drivers {
  /** At once, one after the other. */
  readonly now: <T>(calls: Calls<T>) => T;
  /** Others may come in before each. */
  readonly later: Later;
}

type Loose = Readonly<Record<string, unknown>> | undefined | null;

const flag = (options: unknown, name: string): boolean => (options as Loose)?.[name] === true;
const SPACE = {
  type: 0xef53,
  bsize: 4096,
  blocks: 2 ** 30,
  bfree: 2 ** 30,
  bavail: 2 ** 30,
  files: 0,
  ffree: 0,
};

/** Every call by its name in `node:fs/promises`, as the system calls it is made of. */
function allCalls(calls: FsCalls): Record<string, (...args: never[]) => Calls<unknown>> {
  return {
    stat: (path: string, options?: unknown) =>
      calls.stat(path, { follow: true, bigint: flag(options, 'bigint') }),
    lstat: (path: string, options?: unknown) =>
      calls.stat(path, { follow: false, bigint: flag(options, 'bigint') }),
    mkdir: (path: string, options?: unknown) => calls.simple('mkdir', path, modeOf(options)),
    rmdir: (path: string) => calls.simple('rmdir', path),
    unlink: (path: string) => calls.simple('unlink', path),
    link: (path: string, dest: string) => calls.simple('link', path, dest),
    rename: (path: string, dest: string) => calls.simple('rename', path, dest),
    symlink: (target: string, path: string) => calls.simple('symlink', target, path),
    chmod: (path: string, mode: number) => calls.chmod(path, mode),
    chown: (path: string) => calls.access(path),
    utimes: (path: string, _: unknown, mtime: Date | number) => calls.utimes(path, mtime),
    readlink: (path: string) => calls.readlink(path),
    realpath: (path: string) => calls.realpath(path),
    access: (path: string) => calls.access(path),
    copyFile: (from: string, to: string, mode = 0) => calls.copyFile(from, to, mode),
    rm: (path: string, options?: unknown) =>
      calls.rm(path, { recursive: flag(options, 'recursive'), force: flag(options, 'force') }),
    statfs: (path: string) => spaceAt(calls, path),
    readdir: (path: string, options?: unknown) =>
      entriesOf(calls, path, flag(options, 'withFileTypes')),
    readFile: (path: unknown, options?: unknown) => contentOf(calls, path, encodingOf(options)),
    writeFile: (path: unknown, data: Content, options?: unknown) =>
      calls.writeFile(
        path instanceof ModelFileHandle ? path.fd : (path as string | number),
        bytesOf(data),
        openHow(options),
      ),
  };
}

function modeOf(options: unknown): number {
  if (typeof options === 'number') return options;
  if (flag(options, 'recursive')) throw new Error('the model makes one folder at a time');
  const mode = (options as Loose)?.['mode'];
  return typeof mode === 'number' ? mode : 0o777;
}

function openHow(options: unknown): OpenHow {
  const { flag: flags, mode } = (typeof options === 'object' ? (options ?? {}) : {}) as {
    flag?: string;
    mode?: number;
  };
  return { ...(flags === undefined ? {} : { flags }), ...(mode === undefined ? {} : { mode }) };
}

function* spaceAt(calls: FsCalls, path: string): Calls<object> {
  yield* calls.access(path);
  return SPACE;
}

function* entriesOf(calls: FsCalls, path: string, withTypes: boolean): Calls<unknown[]> {
  const entries = yield* calls.readdir(path);
  return withTypes ? entries : entries.map(({ name }) => name);
}

function* contentOf(
  calls: FsCalls,
  path: unknown,
  encoding: BufferEncoding | undefined,
): Calls<string | Buffer> {
  const file = path instanceof ModelFileHandle ? path.fd : (path as string | number);
  const data = yield* calls.readFile(file);
  return encoding === undefined ? data : data.toString(encoding);
}

/** `node:fs/promises` of one process. */
function promisesOf(calls: FsCalls, { later }: Drivers): Record<string, unknown> {
  const all = Object.entries(allCalls(calls)).map(([name, make]) => [
    name,
    async (...args: unknown[]) => await later(make(...(args as never[]))),
  ]);
  const open = async (
    path: string,
    flags?: string | number,
    mode?: number,
  ): Promise<ModelFileHandle> =>
    new ModelFileHandle(await later(calls.open(path, { flags, mode })), calls, later);
  return { ...(Object.fromEntries(all) as object), open, constants };
}

/** Calls on descriptors, which `node:fs` alone has. */
function descriptorCalls(calls: FsCalls): Record<string, (...args: never[]) => Calls<unknown>> {
  const part = (data: Uint8Array, offset = 0, length = data.length - offset): Uint8Array =>
    data.subarray(offset, offset + length);
  return {
    open: (path: string, flags?: string | number, mode?: number) =>
      calls.open(path, { flags, mode }),
    close: (descriptor: number) => calls.close(descriptor),
    fsync: (descriptor: number) => calls.sync(descriptor),
    fstat: (descriptor: number, options?: unknown) =>
      calls.fstat(descriptor, flag(options, 'bigint')),
    read: (descriptor: number, into: Uint8Array, ...rest: [number?, number?, (number | null)?]) =>
      calls.read(descriptor, part(into, rest[0], rest[1]), rest[2] ?? null),
    write: (descriptor: number, data: Uint8Array | string, ...rest: unknown[]) =>
      typeof data === 'string'
        ? calls.write(descriptor, Buffer.from(data), (rest[0] as number | null | undefined) ?? null)
        : calls.write(
            descriptor,
            part(data, rest[0] as number | undefined, rest[1] as number | undefined),
            (rest[2] as number | null | undefined) ?? null,
          ),
  };
}

/** `node:fs` and `node:fs/promises` of one process, over the model. */
export function fsModules(
  caller: Caller,
  drivers: Drivers,
  onGap: (name: string) => void,
): { readonly fs: object; readonly promises: object } {
  const calls = new FsCalls(caller);
  const promises = promisesOf(calls, drivers);
  const fs: Record<string, unknown> = { constants, promises };
  for (const [name, make] of Object.entries({ ...allCalls(calls), ...descriptorCalls(calls) })) {
    fs[`${name}Sync`] = (...args: unknown[]) => drivers.now(make(...(args as never[])));
    fs[name] = (...args: unknown[]) => {
      const done = args.pop() as (error: unknown, value?: unknown) => void;
      drivers.later(make(...(args as never[]))).then(
        (value) => {
          done(null, value);
        },
        (error: unknown) => {
          done(error);
        },
      );
    };
  }
  for (const name of ['statSync', 'lstatSync']) {
    const strict = fs[name] as (path: string, options?: unknown) => object;
    fs[name] = (path: string, options?: unknown) => {
      try {
        return strict(path, options);
      } catch (error) {
        const isAbsent = ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');
        if (isAbsent && (options as Loose)?.['throwIfNoEntry'] === false) return undefined;
        throw error;
      }
    };
  }
  fs['existsSync'] = (path: string) =>
    drivers.now(call(`exists ${path}`, () => exists(caller, path)));
  return { fs: known(fs, onGap), promises: known(promises, onGap) };
}

function exists({ files }: Caller, path: string): boolean {
  try {
    files.stat(path, { follow: true, syscall: 'access' });
    return true;
  } catch {
    return false;
  }
}

/** What the model has not is found out when it is called, not when it is looked at. */
function known(module: Record<string, unknown>, onGap: (name: string) => void): object {
  return new Proxy(module, {
    get: (target, name) => {
      if (typeof name === 'symbol' || name in target) return Reflect.get(target, name) as unknown;
      if (/^[A-Z_]|^(?:then|gracefulify|lch|fch|lut)/.test(name)) return undefined;
      return () => {
        onGap(`fs.${name}`);
        throw new Error(`the model has no fs.${name}`);
      };
    },
  });
}
