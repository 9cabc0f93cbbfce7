import { existsSync, unlinkSync } from 'node:fs';
import { readdir, rm, type FileHandle } from 'node:fs/promises';
import { errnoOf, hasCode, MultipassError } from '../errors.js';
import { log } from '../log.js';
import { takeKernelLock } from './kernel-lock.js';
import type { StoreLayout } from './layout.js';
import { isOfThisBoot, makerOf, makerState, newToken } from './maker-token.js';

const MAKER_LOCK = /^(.*)\.maker$/;
/** The last field of a token, which tells nothing of its maker. */
const ANY = '0'.repeat(16);
const EXCLUSIVE = { mode: 'exclusive', wait: false } as const;

/** One file for each store in which this process makes something, however much that is. */
interface Held {
  readonly path: string;
  readonly lock: Promise<FileHandle | undefined>;
  users: number;
  /** False while the lock is being taken, and its file may not be there yet. */
  isSettled: boolean;
}

const held = new Map<string, Held>();

/**
 * The kernel's lock of this process as a maker, `locks/<maker>.maker`; held from before something gets a place in
 * staging until it has left it. What a token tells of its maker is believed where /proc can show it. Hosts that were
 * made of one template have one machine-id, and a clock may jump by a day: in all other cases this lock says whether
 * the maker lives, on every file system whose locks reach the other host.
 */
export class MakerLock implements AsyncDisposable {
  readonly #held: Held;
  #isHeld = true;

  private constructor(entry: Held) {
    this.#held = entry;
  }

  /** Never fails, and never waits: where no lock can be had, as without flock(1), things are made without one. */
  static async hold(layout: StoreLayout): Promise<MakerLock> {
    const path = layout.makerLock(makerOf(newToken()));
    let entry = held.get(path);
    // A store that was removed, and made again, has lost it.
    if (entry === undefined || (entry.isSettled && !existsSync(path))) {
      entry = { path, lock: take(path), users: 0, isSettled: false };
      held.set(path, entry);
    }
    entry.users += 1;
    await entry.lock;
    entry.isSettled = true;
    return new MakerLock(entry);
  }

  /** May be called again. */
  async release(): Promise<void> {
    const entry = this.#held;
    if (!this.#isHeld) return;
    this.#isHeld = false;
    entry.users -= 1;
    if (entry.users > 0) return;
    // What has come after it in a store that was made again has a file of its own at that path.
    if (held.get(entry.path) === entry) {
      held.delete(entry.path);
      remove(entry.path);
    }
    await (await entry.lock)?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/** How it is found out whether a maker is at work. */
export interface MakerQuestion {
  /** True: a lock file that nobody holds stays, for nothing is to be changed. Default: it is removed. */
  readonly keepsFiles?: boolean;
}

/**
 * Whether the maker that a token names holds its lock; never waits. A lock file that nobody holds is removed.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR, … when that cannot be found out
 */
export async function isMakerAtWork(
  layout: StoreLayout,
  token: string,
  { keepsFiles = false }: MakerQuestion = {},
): Promise<boolean> {
  const path = layout.makerLock(makerOf(token));
  if (!existsSync(path)) return false;
  try {
    const lock = await takeKernelLock(path, EXCLUSIVE);
    if (lock === undefined) return true;
    if (!keepsFiles) await rm(path, { force: true });
    await lock.close();
    return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || hasCode(error, 'TOOL_MISSING')) return false;
    throw error;
  }
}

/**
 * Whether the maker that a token names is known to be gone. Where /proc cannot show it, its lock decides; of one that
 * is of another machine or pid namespace nothing is known.
 * @throws as {@link isMakerAtWork}
 */
export async function isMakerGone(
  layout: StoreLayout,
  token: string,
  question: MakerQuestion = {},
): Promise<boolean> {
  if (makerState(token) !== 'dead') return false;
  return isOfThisBoot(token) || !(await isMakerAtWork(layout, token, question));
}

/** The token, in all but its last part, of the maker whose lock a file in `locks/` is; undefined for another file. */
export function makerOfLock(file: string): string | undefined {
  const maker = MAKER_LOCK.exec(file)?.[1];
  return maker === undefined ? undefined : `${maker}.${ANY}`;
}

/** Removes the lock files of makers that are gone. A failure is logged and left to the next time. */
export async function sweepMakerLocks(layout: StoreLayout): Promise<void> {
  const files = await readdir(layout.locks).catch((): string[] => []);
  for (const token of files.flatMap((file) => makerOfLock(file) ?? [])) {
    const path = layout.makerLock(makerOf(token));
    try {
      if (await isMakerGone(layout, token)) await rm(path, { force: true });
    } catch (error) {
      log('warning', 'sweep', `cannot remove ${path}: ${(error as Error).message}`);
    }
  }
}

async function take(path: string): Promise<FileHandle | undefined> {
  try {
    return await takeKernelLock(path, EXCLUSIVE);
  } catch (error) {
    if (!(error instanceof MultipassError) && errnoOf(error) === undefined) throw error;
    log('debug', 'maker', `others cannot see that we are at work: ${(error as Error).message}`);
    return undefined;
  }
}

/** At once, so that who comes next makes a file of its own. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    log('debug', 'maker', `left behind: ${(error as Error).message}`);
  }
}
