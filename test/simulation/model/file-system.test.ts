import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileSystem } from './file-system.js';
import { fsModules } from './fs-module.js';
import { Descriptors } from './inode.js';
import { Journal } from './journal.js';
import type { Calls } from './calls.js';

/** What is called, of `node:fs`; a number in a name's place is one of the files that are open. */
type Action = readonly [name: string, ...args: readonly unknown[]];

const PATHS = ['/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/z', '/l', '/l/x', '/none/x'];
const FLAGS = [
  'r',
  'r+',
  'w',
  'wx',
  'w+',
  'a',
  'wx+',
  fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW,
];

const path = fc.constantFrom(...PATHS);
const file = fc.integer({ min: 0, max: 3 });
const text = fc.constantFrom('', 'one', 'another text', 'z'.repeat(5000));

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.tuple(fc.constantFrom('mkdirSync', 'rmdirSync', 'unlinkSync', 'readdirSync'), path),
  fc.tuple(fc.constantFrom('existsSync', 'readFileSync', 'realpathSync', 'readlinkSync'), path),
  fc.tuple(fc.constantFrom('statSync', 'lstatSync'), path),
  fc.tuple(fc.constantFrom('renameSync', 'linkSync'), path, path),
  fc.tuple(fc.constant('symlinkSync'), fc.constantFrom('a', 'b/x', 'l', 'none'), fc.constant('/l')),
  fc.tuple(fc.constant('writeFileSync'), path, text),
  fc.tuple(fc.constant('chmodSync'), path, fc.constantFrom(0o600, 0o700, 0o444)),
  fc.tuple(fc.constant('rmSync'), path, fc.constant({ recursive: true, force: true })),
  fc.tuple(fc.constant('openSync'), path, fc.constantFrom(...FLAGS)),
  fc.tuple(fc.constantFrom('closeSync', 'fsyncSync', 'fstatSync'), file),
  fc.tuple(fc.constant('writeSync'), file, text, fc.constantFrom(null, 0, 3, 9000)),
  fc.tuple(fc.constant('readSync'), file, fc.constantFrom(null, 0, 2)),
);

/** That of this process, which cannot be asked for without being set for a moment. */
const umask = ((): number => {
  const probe = fs.mkdtempSync(join(tmpdir(), 'multipass-ts-umask-'));
  fs.mkdirSync(join(probe, 'open'), 0o777);
  const { mode } = fs.statSync(join(probe, 'open'));
  fs.rmSync(probe, { recursive: true });
  return 0o777 & ~mode;
})();

const modelOf = (): Record<string, unknown> => {
  const files = new FileSystem(new Journal('ordered'), {
    clock: () => BigInt(Date.now()) * 1_000_000n,
    umask,
  });
  const now = <T>(calls: Calls<T>): T => {
    let step = calls.next();
    while (!step.done) {
      let value: unknown;
      try {
        value = step.value.work();
      } catch (error) {
        step = calls.throw(error);
        continue;
      }
      step = calls.next(value);
    }
    return step.value;
  };
  const caller = {
    files,
    descriptors: new Descriptors(),
    canShare: false,
    special: () => undefined,
  };
  const drivers = { now, later: async <T>(calls: Calls<T>) => await Promise.resolve(now(calls)) };
  return fsModules(caller, drivers, () => undefined).fs as Record<string, unknown>;
};

/** What a call has to say, in terms that do not tell where it was made. */
class Side {
  readonly #fs: Readonly<Record<string, unknown>>;
  readonly #root: string;
  readonly #open: number[] = [];
  readonly #inodes = new Map<unknown, number>();

  constructor(module: object, root: string) {
    this.#fs = module as Record<string, unknown>;
    this.#root = root;
  }

  run([name, ...args]: Action): unknown {
    try {
      return this.#answer(name, this.#call(name, args));
    } catch (error) {
      const {
        code,
        syscall,
        path: from,
        dest,
      } = error as NodeJS.ErrnoException & { dest?: string };
      if (code === undefined) throw error;
      // Made of several calls, of which Node does not always tell the same one.
      if (name === 'rmSync') return { code };
      return { code, syscall, path: this.#without(from), dest: this.#without(dest) };
    }
  }

  end(): void {
    for (const descriptor of this.#open) this.#call('closeSync', [descriptor], true);
  }

  #call(name: string, args: readonly unknown[], isRaw = false): unknown {
    const call = this.#fs[name] as (...args: unknown[]) => unknown;
    const places = args.map((arg, index) => {
      if (typeof arg === 'number' && index === 0 && !isRaw) return this.#open[arg] ?? 9999;
      const isPath = typeof arg === 'string' && arg.startsWith('/');
      return isPath ? `${this.#root}${arg}` : arg;
    });
    if (name === 'readSync') {
      const into = Buffer.alloc(64);
      const count = call(places[0], into, 0, 64, places[1]) as number;
      return into.toString('utf8', 0, count);
    }
    const result = call(...places);
    if (name === 'openSync') this.#open.push(result as number);
    if (name === 'closeSync' && !isRaw)
      this.#open.splice(this.#open.indexOf(places[0] as number), 1);
    return result;
  }

  #answer(name: string, value: unknown): unknown {
    if (name === 'openSync') return 'open';
    if (value instanceof Buffer) return value.toString();
    if (typeof value === 'string') return this.#without(value);
    if (!/statSync/i.test(name)) return value;
    const stats = value as fs.Stats;
    const isFile = stats.isFile();
    const inode = this.#inodes.get(stats.ino) ?? this.#inodes.size;
    this.#inodes.set(stats.ino, inode);
    const kind = isFile ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink();
    return { kind, mode: stats.mode, ...(isFile ? { size: stats.size, nlink: stats.nlink } : {}) };
  }

  #without(place: string | undefined): string | undefined {
    return this.#root === '' ? place : place?.replace(this.#root, '');
  }
}

/** The product has the system's own realpath alone, by way of promises. */
const REAL = { ...fs, realpathSync: fs.realpathSync.native };

describe('the model of the file system', () => {
  it('answers each call, and refuses it, as the real one does', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 5, maxLength: 60 }), (actions) => {
        const root = fs.mkdtempSync(join(tmpdir(), 'multipass-ts-model-'));
        const [real, model] = [new Side(REAL, root), new Side(modelOf(), '')];
        try {
          for (const one of actions) {
            expect([one, model.run(one)]).toEqual([one, real.run(one)]);
          }
        } finally {
          real.end();
          fs.rmSync(root, { recursive: true, force: true });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives locks to whom flock(1) gives them', () => {
    const root = fs.mkdtempSync(join(tmpdir(), 'multipass-ts-model-'));
    const locking = fc.tuple(
      fc.integer({ min: 0, max: 2 }),
      fc.constantFrom('-s', '-x', '-u' as const),
    );
    fc.assert(
      fc.property(fc.array(locking, { minLength: 3, maxLength: 12 }), (steps) => {
        const place = join(root, 'lock');
        const real = [0, 1, 2].map(() => fs.openSync(place, 'a'));
        const files = new FileSystem(new Journal('ordered'), { clock: () => 0n });
        const table = new Descriptors();
        const open = { flags: fs.constants.O_RDWR | fs.constants.O_CREAT, mode: 0o600 };
        const handles = [0, 1, 2].map(() => table.get(files.open(table, '/lock', open)));
        try {
          for (const [index, mode] of steps) {
            const stdio = ['ignore', 'ignore', 'ignore', real[index]] as const;
            const { status } = spawnSync('flock', [mode, '-n', '3'], { stdio: [...stdio] });
            const handle = handles[index];
            if (mode === '-u') handle?.unlock();
            const isTaken =
              mode === '-u' || handle?.tryLock(mode === '-s' ? 'shared' : 'exclusive');
            expect(isTaken).toBe(status === 0);
          }
        } finally {
          for (const descriptor of real) fs.closeSync(descriptor);
        }
      }),
      { numRuns: 5 },
    );
    fs.rmSync(root, { recursive: true, force: true });
  });
});
