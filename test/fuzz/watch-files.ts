import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { resolve, sep } from 'node:path';

/** By how many of its first arguments are paths. */
const CALLS: Readonly<Record<string, 1 | 2>> = {
  ...{ open: 1, readFile: 1, writeFile: 1, appendFile: 1, readdir: 1, opendir: 1, readlink: 1 },
  ...{
    mkdir: 1,
    mkdtemp: 1,
    rm: 1,
    rmdir: 1,
    unlink: 1,
    truncate: 1,
    chmod: 1,
    chown: 1,
    utimes: 1,
  },
  ...{
    rename: 2,
    link: 2,
    symlink: 2,
    copyFile: 2,
    cp: 2,
    createReadStream: 1,
    createWriteStream: 1,
  },
};

/** What belongs to nobody, and what the kernel tells of processes. */
const OF_ALL =
  /^\/(?:dev\/null$|proc\/(?:self\/|sys\/kernel\/|\d+\/(?:stat|cwd)$)|etc\/machine-id$)/;

/** Whatever is opened, made or removed outside of a folder is noted. */
export class FileWatch {
  #folder: string | undefined;
  readonly #strays: string[] = [];

  /** Takes the place of Node's own functions, for good. */
  static begin(): FileWatch {
    const watch = new FileWatch();
    for (const module of [fs, fs.promises]) {
      const calls = module as unknown as Record<string, unknown>;
      for (const [name, count] of Object.entries(CALLS)) {
        for (const called of [name, `${name}Sync`]) {
          const real = calls[called];
          if (typeof real !== 'function') continue;
          calls[called] = (...args: unknown[]): unknown => {
            for (const path of args.slice(0, count)) watch.#note(called, path);
            return Reflect.apply(real, module, args) as unknown;
          };
        }
      }
    }
    syncBuiltinESMExports();
    return watch;
  }

  /** From now on only this folder may be touched; undefined: everything. */
  confine(folder: string | undefined): void {
    this.#folder = folder;
  }

  /** What was touched outside since it was asked last. */
  take(): string[] {
    return this.#strays.splice(0);
  }

  #note(call: string, given: unknown): void {
    if (this.#folder === undefined) return;
    if (typeof given !== 'string' && !Buffer.isBuffer(given)) return;
    const path = resolve(given.toString());
    if (path === this.#folder || path.startsWith(this.#folder + sep) || OF_ALL.test(path)) return;
    if (this.#strays.length < 10)
      this.#strays.push(`${call} ${JSON.stringify(path.slice(0, 200))}`);
  }
}
