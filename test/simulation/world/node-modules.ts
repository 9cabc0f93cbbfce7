import crypto from 'node:crypto';
import { EventEmitter } from 'node:events';
import os from 'node:os';
import type { Caller } from '../model/calls.js';
import { fsModules } from '../model/fs-module.js';
import { systemError } from '../model/system-error.js';
import { spawnIn } from './child-process.js';
import { timersOf } from './timers.js';
import type { VirtualProcess } from './virtual-process.js';

/** What a program of Node finds, as a process of the simulated machine. */
export interface NodeWorld {
  readonly require: (name: string) => unknown;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** Makes what the product is to find: all that could tell one run of a seed from another comes from the world. */
export function nodeWorld(
  process: VirtualProcess,
  realRequire: (name: string) => unknown,
): NodeWorld {
  const { world } = process;
  const caller: Caller = {
    files: world.files,
    descriptors: process.descriptors,
    canShare: world.canShare,
    special: (path) => specialFile(process, path),
  };
  const { fs, promises } = fsModules(caller, process.drivers, (name) => world.gaps.push(name));
  const timers = timersOf(process);
  const ownProcess = processObject(process);
  const chance = world.random.fork();
  const lacking = (name: string) => (): never => {
    world.gaps.push(name);
    throw new Error(`the simulated machine has no ${name}`);
  };
  const modules: Record<string, unknown> = {
    fs,
    'fs/promises': promises,
    process: ownProcess,
    child_process: {
      spawn: spawnIn(process),
      execFile: lacking('execFile'),
      ChildProcess: EventEmitter,
    },
    crypto: { ...crypto, ...cryptoOf(chance) },
    os: {
      ...os,
      hostname: () => 'simulated',
      networkInterfaces: () => ({}),
      homedir: () => '/root',
    },
    timers: timers.timers,
    'timers/promises': timers.promises,
    worker_threads: { threadId: 0, isMainThread: true },
  };
  const require = (name: string): unknown => {
    const plain = name.replace(/^node:/, '');
    return Object.hasOwn(modules, plain) ? modules[plain] : realRequire(name);
  };
  const globals: Record<string, unknown> = {
    process: ownProcess,
    Date: dateOf(process),
    Math: Object.create(Math, { random: { value: () => chance.next() / 2 ** 32 } }),
    performance: { now: () => Number(world.now / 1000n) / 1000 },
    ...timers.timers,
  };
  const values = Object.entries(globals).map(([name, value]) => [name, { value, writable: true }]);
  // Not assigned: that would call the setters of the real one.
  const own = Object.create(
    globalThis,
    Object.fromEntries(values) as PropertyDescriptorMap,
  ) as object;
  globals['globalThis'] = globals['global'] = own;
  return { require, globals };
}

function cryptoOf(chance: VirtualProcess['world']['random']): object {
  return {
    randomBytes: (count: number) => chance.bytes(count),
    randomInt: (from: number, to?: number) =>
      to === undefined ? chance.below(from) : from + chance.below(to - from),
    randomUUID: () => {
      const hex = chance.bytes(16).toString('hex');
      const groups = [
        hex.slice(0, 8),
        hex.slice(8, 12),
        `4${hex.slice(13, 16)}`,
        `a${hex.slice(17, 20)}`,
      ];
      return [...groups, hex.slice(20)].join('-');
    },
  };
}

function dateOf({ world }: VirtualProcess): unknown {
  return class extends Date {
    constructor(...args: unknown[]) {
      super(...((args.length === 0 ? [world.wallClock] : args) as [number]));
    }

    static override now(): number {
      return world.wallClock;
    }
  };
}

function processObject(self: VirtualProcess): object {
  const { world } = self;
  return Object.assign(new EventEmitter(), {
    pid: self.pid,
    ppid: 1,
    platform: 'linux',
    arch: process.arch,
    version: process.version,
    versions: process.versions,
    release: process.release,
    env: { PATH: '/usr/bin', HOME: '/root' },
    argv: ['node', 'multipass'],
    execArgv: [],
    execPath: '/usr/bin/node',
    stdout: { isTTY: false, write: () => true },
    stderr: { isTTY: false, write: () => true },
    cwd: () => '/',
    umask: () => 0o022,
    geteuid: () => process.geteuid?.() ?? 0,
    getuid: () => process.geteuid?.() ?? 0,
    getgid: () => 0,
    nextTick: process.nextTick.bind(process),
    hrtime: Object.assign(() => [0, 0], { bigint: () => world.now }),
    uptime: () => 1,
    emitWarning: () => undefined,
    exit: () => undefined,
    reallyExit: () => undefined,
    kill: (pid: number, signal: unknown) => {
      const other = world.processes.get(pid);
      if (other === undefined) throw systemError('ESRCH', { syscall: 'kill' });
      if (signal !== 0) other.kill();
      return true;
    },
  });
}

/** What the kernel and the system tell in files. */
function specialFile(self: VirtualProcess, path: string): string | undefined {
  const { world } = self;
  if (path === '/etc/machine-id') return `${'5'.repeat(32)}\n`;
  if (!path.startsWith('/proc/')) return undefined;
  if (path === '/proc/sys/kernel/random/boot_id') return `boot-${world.boot}\n`;
  if (path === '/proc/self/ns/pid') return 'pid:[4026531836]';
  const pid = /^\/proc\/(self|\d+)\/stat$/.exec(path)?.[1];
  const about = pid === 'self' ? self : world.processes.get(Number(pid));
  if (about === undefined) throw systemError('ENOENT', { syscall: 'open', path });
  return `${about.pid} (node) S ${'0 '.repeat(18)}${about.startTime} 0`;
}
