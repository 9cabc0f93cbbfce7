import { FileSystem } from '../model/file-system.js';
import { Journal, type Regime } from '../model/journal.js';
import type { Random } from '../random.js';

/** A process, as far as a world is concerned with it. */
export interface Actor {
  readonly name: string;
  readonly pid: number;
  readonly startTime: string;
  readonly isDead: boolean;
  /** Itself, and what it has started. */
  family(): readonly Actor[];
  die(): void;
  kill(): void;
}

/** A call that a process wants to make. */
interface Wish {
  readonly process: Actor;
  readonly label: string;
  readonly work: () => unknown;
  /** Whether it can go on; without it, always. */
  readonly isReady?: (() => boolean) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Timer {
  readonly process: Actor;
  readonly at: bigint;
  readonly order: number;
  readonly fire: () => void;
}

/** What happens to somebody at one call, before it or after it. */
export interface Strike {
  readonly kind: 'kill' | 'cut';
  /** Of all calls from now on, the one at which it happens. */
  readonly afterCalls: number;
  readonly isBefore: boolean;
}

/** How a world is made. */
export interface WorldOptions {
  readonly random: Random;
  readonly regime: Regime;
  /** Whether files share extents. */
  readonly canShare: boolean;
  readonly trace?: ((line: string) => void) | undefined;
}

/** More calls than any story needs: somebody goes round in circles. */
const MOST_CALLS = 60_000;
const START = BigInt(Date.UTC(2026, 0, 2)) * 1_000_000n;

/**
 * One machine with its file system, clock and processes, in one process of the host. Whenever a process wants to make a
 * call, chance decides who is next; that and the seed decide all that happens.
 */
export class World {
  readonly random: Random;
  readonly files: FileSystem;
  readonly journal: Journal;
  readonly canShare: boolean;
  readonly processes = new Map<number, Actor>();
  /** What the product wanted and the model has not: a fault of the simulation. */
  readonly gaps: string[] = [];
  /** Monotonic, in nanoseconds. */
  now = START;
  /** What the clock on the wall is off by, in milliseconds. */
  clockError = 0;
  boot = 1;
  calls = 0;
  strikes = 0;
  #wishes: Wish[] = [];
  #timers: Timer[] = [];
  #strike: Strike | undefined;
  #mustCut = false;
  #order = 0;
  #last: Actor | undefined;
  readonly #stickiness: number;
  readonly #trace: ((line: string) => void) | undefined;
  #nextPid = 1000;

  constructor({ random, regime, canShare, trace }: WorldOptions) {
    this.random = random;
    this.canShare = canShare;
    this.#trace = trace;
    this.#stickiness = random.pick([0, 50, 90]);
    this.journal = new Journal(regime);
    this.files = new FileSystem(this.journal, { clock: () => this.now });
  }

  get wallClock(): number {
    return Number(this.now / 1_000_000n) + this.clockError;
  }

  newPid(): number {
    this.#nextPid += 1;
    return this.#nextPid;
  }

  tell(line: string): void {
    this.#trace?.(line);
  }

  /** Somebody will be struck down. */
  plan(strike: Strike | undefined): void {
    this.#strike = strike && { ...strike, afterCalls: this.calls + strike.afterCalls };
  }

  /** Makes a call when it is its turn; never, for who is dead by then. */
  async step<T>(
    process: Actor,
    { label, work, isReady }: Pick<Wish, 'label' | 'isReady'> & { readonly work: () => T },
  ): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      if (process.isDead) return;
      this.#wishes.push({
        process,
        label,
        work,
        isReady,
        resolve: resolve as Wish['resolve'],
        reject,
      });
    });
  }

  /** Makes a call at once: nobody can come before it. */
  call<T>(process: Actor, label: string, work: () => T): T {
    if (process.isDead) throw new Error('it is dead');
    if (this.#strikes({ process, label, isBefore: true })) throw new Error('it was struck');
    this.#count(process, label);
    const result = work();
    if (this.#strikes({ process, label, isBefore: false })) throw new Error('it was struck');
    return result;
  }

  setTimer(process: Actor, ms: number, fire: () => void): Timer {
    const at = this.now + BigInt(Math.max(1, Math.round(ms))) * 1_000_000n;
    const timer = { process, at, order: this.#order++, fire };
    if (!process.isDead) this.#timers.push(timer);
    return timer;
  }

  clearTimer(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  /** Nothing of it ever happens again. */
  forget(process: Actor): void {
    this.processes.delete(process.pid);
    this.#wishes = this.#wishes.filter((wish) => wish.process !== process);
    this.#timers = this.#timers.filter((timer) => timer.process !== process);
  }

  /**
   * Goes on until something is so.
   * @throws Error when nobody can go on, or somebody goes on for ever
   */
  async runUntil(isDone: () => boolean): Promise<void> {
    const end = this.calls + MOST_CALLS;
    for (;;) {
      await drained();
      if (this.#mustCut) this.#cutPower();
      if (isDone()) return;
      if (this.calls > end) throw new Error(`no end after ${MOST_CALLS} calls: ${this.#waiting()}`);
      // Who was woken has not said yet what it wants.
      if (this.#fireDue()) continue;
      const ready = this.#wishes.filter(({ isReady }) => isReady?.() ?? true);
      const wish = this.#choose(ready);
      if (wish !== undefined) this.#grant(wish);
      else if (!this.#jump()) throw new Error(`nobody can go on: ${this.#waiting()}`);
    }
  }

  #choose(ready: readonly Wish[]): Wish | undefined {
    if (ready.length === 0) return undefined;
    const ofLast = ready.find(({ process }) => process === this.#last);
    const goesOn = this.random.below(100) < this.#stickiness;
    return ofLast !== undefined && goesOn ? ofLast : this.random.pick(ready);
  }

  #grant(wish: Wish): void {
    const { process, label, work, resolve, reject } = wish;
    this.#wishes.splice(this.#wishes.indexOf(wish), 1);
    this.#last = process;
    this.now += BigInt(this.random.below(400_000));
    if (this.#strikes({ process, label, isBefore: true })) return;
    this.#count(process, label);
    let answer: () => void;
    try {
      const value = work();
      answer = () => {
        resolve(value);
      };
    } catch (error) {
      this.tell(`         ${(error as Error).message}`);
      answer = () => {
        reject(error);
      };
    }
    if (!this.#strikes({ process, label, isBefore: false })) answer();
  }

  #count(process: Actor, label: string): void {
    this.calls += 1;
    this.now += 10_000n;
    this.tell(`${this.calls} ${process.name} (${process.pid}) ${label}`);
  }

  #strikes({
    process,
    label,
    isBefore,
  }: {
    process: Actor;
    label: string;
    isBefore: boolean;
  }): boolean {
    const strike = this.#strike;
    if (strike?.isBefore !== isBefore || this.calls < strike.afterCalls) return false;
    this.#strike = undefined;
    this.strikes += 1;
    const when = `${isBefore ? 'before' : 'after'} ${label} of ${process.name}`;
    if (strike.kind === 'cut') {
      this.tell(`======== the power fails ${when}`);
      for (const each of [...this.processes.values()]) each.die();
      this.#mustCut = true;
    } else {
      const whole = this.random.oneIn(2) ? process.family() : [process];
      this.tell(`======== killed ${when}: ${whole.map(({ pid }) => pid).join(', ')}`);
      for (const each of whole) each.kill();
    }
    return true;
  }

  #cutPower(): void {
    this.#mustCut = false;
    this.boot += 1;
    this.now += 30_000_000_000n;
    this.files.cut(this.random);
  }

  /** @returns whether anybody was woken */
  #fireDue(): boolean {
    const due = this.#timers.filter(({ at }) => at <= this.now);
    if (due.length === 0) return false;
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    due.sort((one, other) => Number(one.at - other.at) || one.order - other.order);
    for (const { process, fire } of due) if (!process.isDead) fire();
    return true;
  }

  /** To the next moment at which somebody wants to be woken. */
  #jump(): boolean {
    if (this.#timers.length === 0) return false;
    const next = this.#timers.reduce((one, other) => (other.at < one.at ? other : one));
    if (next.at > this.now) this.now = next.at;
    this.#fireDue();
    return true;
  }

  #waiting(): string {
    const wishes = this.#wishes.map(({ process, label }) => `${process.name}: ${label}`);
    const alive = [...this.processes.values()].map(({ name, pid }) => `${name} (${pid}) lives`);
    return [...wishes, ...alive].join('; ');
  }
}

/** Whatever can go on without a call has gone on. */
async function drained(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
