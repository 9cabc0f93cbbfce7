import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../errors.js';
import { startTimeOf } from '../process/start-time.js';

/**
 * Who made a folder in staging or trash, so that folder and owner come into being with one mkdir:
 * `<machine>.<boot>.<pid namespace>.<pid>.<start time>.<random>`. A dead maker's folder can be swept at once, without
 * waiting, and a living one's never is.
 */
interface Maker {
  readonly machine: string;
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  readonly startTime: string;
}

/**
 * Whether the process that made a token still lives. `unknown`: it belongs to another machine or pid namespace, and
 * cannot be looked up from here.
 */
export type MakerState = 'alive' | 'dead' | 'unknown';

const TOKEN = /^([0-9a-f]{12})\.([0-9a-f]{12})\.(\d+)\.(\d+)\.(\d+)\.[0-9a-f]{16}(?:\.commit)?$/;

let self: Maker | undefined;

/** A new token of this process. */
export function newToken(): string {
  return ownPrefix() + randomBytes(8).toString('hex');
}

/** A short name of this machine; machines that were made of one template may have it in common. */
export function thisMachine(): string {
  return (self ??= describeSelf()).machine;
}

/** The part of a token that names its maker: all tokens of one process have it in common. */
export function makerOf(token: string): string {
  return token.split('.').slice(0, 5).join('.');
}

/** True for a token that this boot of this machine has made: what /proc says of its maker is the truth. */
export function isOfThisBoot(token: string): boolean {
  const me = (self ??= describeSelf());
  const maker = parseToken(token);
  return (
    maker?.machine === me.machine && maker.boot === me.boot && maker.namespace === me.namespace
  );
}

/** Whether the maker named in a token still lives; `unknown` for a name that is no token. */
export function makerState(token: string): MakerState {
  const maker = parseToken(token);
  if (maker === undefined) return 'unknown';
  const me = (self ??= describeSelf());
  if (maker.machine !== me.machine) return 'unknown';
  if (maker.boot !== me.boot) return 'dead';
  if (maker.namespace !== me.namespace) return 'unknown';
  return isProcessAlive(maker.pid, maker.startTime) ? 'alive' : 'dead';
}

/** True when `token` was made by this very process. */
export function isOwnToken(token: string): boolean {
  return TOKEN.test(token) && token.startsWith(ownPrefix());
}

/**
 * True while the process lives that had this pid when it started at `startTime` (field 22 of /proc/PID/stat, in
 * clock ticks since boot; 0 where there is no /proc). A recycled pid does not count.
 */
export function isProcessAlive(pid: number, startTime: string): boolean {
  if (!answersToSignals(pid)) return false;
  const now = startTimeOf(String(pid));
  // Not readable (hidepid): it answers to signals, so it must be taken for alive.
  if (now === undefined || startTime === '0') return true;
  return now === startTime;
}

/** Signal 0 reaches no process; no permission to send it means that there is one. Pid 0 would be our own group. */
function answersToSignals(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

function ownPrefix(): string {
  const { machine, boot, namespace, pid, startTime } = (self ??= describeSelf());
  return `${[machine, boot, namespace, pid, startTime].join('.')}.`;
}

function parseToken(token: string): Maker | undefined {
  const [, machine, boot, namespace, pid, startTime] = TOKEN.exec(token) ?? [];
  if (machine === undefined || boot === undefined || namespace === undefined) return undefined;
  if (pid === undefined || startTime === undefined) return undefined;
  return { machine, boot, namespace, pid: Number(pid), startTime };
}

function describeSelf(): Maker {
  return {
    machine: shortHash(readText('/etc/machine-id') ?? hostname()),
    boot: shortHash(readText('/proc/sys/kernel/random/boot_id') ?? ''),
    namespace: /\d+/.exec(readLink('/proc/self/ns/pid') ?? '')?.[0] ?? '0',
    pid: process.pid,
    startTime: startTimeOf('self') ?? '0',
  };
}

function shortHash(text: string): string {
  return createHash('sha256').update(text.trim()).digest('hex').slice(0, 12);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
