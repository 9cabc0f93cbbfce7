import { readFileSync } from 'node:fs';
import { InstanceLock } from '../../src/store/lock.js';

/** A time for which the event loop stood still under a lock. */
export interface Standstill {
  /** Of processor time of the main thread: that others had the processor meanwhile is not ours to mend. */
  readonly ms: number;
  /** What was held all the while, and what for. */
  readonly locks: readonly string[];
}

/**
 * Watches the event loop of this process, and which locks of instances are held. A timer of 1 ms asks the kernel for how
 * long the main thread has computed since it last ran; a turn of the loop can only have taken less than that.
 */
export class StandstillWatch implements Disposable {
  readonly #held = new Map<InstanceLock, { what: string; since: number }>();
  readonly #take = InstanceLock.take.bind(InstanceLock);
  readonly #timer: NodeJS.Timeout;
  #tick = { at: performance.now(), cpuMs: mainThreadMs() };
  #longest: Standstill = { ms: 0, locks: [] };
  /** The longest of all, with a lock or without one. */
  longestWithoutLock = 0;
  /** How many locks were taken. */
  locks = 0;

  constructor() {
    InstanceLock.take = async (...args) => this.#noted(await this.#take(...args), args);
    this.#timer = setInterval(() => this.#look(), 1);
  }

  /** The longest while a lock was held from its beginning to its end. */
  get longest(): Standstill {
    return this.#longest;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    InstanceLock.take = this.#take;
  }

  #noted(
    lock: InstanceLock,
    [, name, { purpose, mode }]: Parameters<typeof InstanceLock.take>,
  ): InstanceLock {
    this.locks += 1;
    this.#held.set(lock, { what: `${name} (${purpose}, ${mode})`, since: performance.now() });
    const release = lock.release.bind(lock);
    lock.release = async () => {
      await release();
      this.#held.delete(lock);
    };
    return lock;
  }

  #look(): void {
    const now = { at: performance.now(), cpuMs: mainThreadMs() };
    const ms = now.cpuMs - this.#tick.cpuMs;
    const throughout = [...this.#held.values()].filter(({ since }) => since <= this.#tick.at);
    if (throughout.length > 0 && ms > this.#longest.ms)
      this.#longest = { ms, locks: throughout.map(({ what }) => what) };
    if (throughout.length === 0) this.longestWithoutLock = Math.max(this.longestWithoutLock, ms);
    this.#tick = now;
  }
}

/** What the kernel has counted for the main thread of this process (/proc/self/task/PID/schedstat). */
function mainThreadMs(): number {
  const path = `/proc/self/task/${process.pid}/schedstat`;
  return Number(readFileSync(path, 'latin1').split(' ', 1)[0]) / 1e6;
}
