import { hasCode, MultipassError } from '../errors.js';
import { abortedError, throwIfAborted } from '../abort.js';
import { Work } from '../work.js';
import type { CloneOptions, VirtualMachine } from './virtual-machine.js';

/** What is kept ready. */
export interface ClonePoolOptions extends Omit<CloneOptions, 'dryRun' | 'ephemeral'> {
  /** How many clones there are at once: those that are ready, and those that somebody has. */
  readonly size: number;
}

/** Somebody who waits for a clone. */
interface Waiter {
  readonly take: (vm: VirtualMachine) => void;
  readonly fail: (error: Error) => void;
}

/** More than one machine runs at once. */
const MOST = 1000;

/**
 * Clones of one golden instance that are made before they are asked for: for tests that run side by side and want an
 * instance each. Who takes one ends it with `await using`, and another one is made in its place. Who asks for more than
 * there are waits. All of them are ephemeral: nothing is left when this process is killed, after one more command.
 */
export class ClonePool implements AsyncDisposable {
  readonly #golden: VirtualMachine;
  readonly #options: CloneOptions;
  readonly #size: number;
  readonly #ready: VirtualMachine[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #making = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #alive = 0;
  #isClosed = false;

  /** @internal Users have {@link clonePool}. */
  constructor(golden: VirtualMachine, { size, ...options }: ClonePoolOptions) {
    if (!Number.isSafeInteger(size) || size < 1 || size > MOST) {
      throw new MultipassError('INVALID_ARGUMENT', `invalid size of a pool: ${size}`, {
        hint: `Ask for 1 to ${MOST} clones.`,
      });
    }
    this.#golden = golden;
    const { signal: closing } = this.#closing;
    const wanted = Work.of(options.work);
    const signal =
      wanted.signal === undefined ? closing : AbortSignal.any([wanted.signal, closing]);
    const work = wanted.under(signal);
    this.#options = { linked: true, start: true, ...options, work, ephemeral: true };
    this.#size = size;
    this.#fill();
  }

  /**
   * Takes a clone, or waits until there is one.
   * @param signal gives the waiting up
   * @throws MultipassError what making one has thrown: then the next call tries again; INVALID_ARGUMENT once the pool
   *   is closed; ABORTED
   */
  async acquire(signal?: AbortSignal): Promise<VirtualMachine> {
    throwIfAborted(signal);
    if (this.#isClosed) throw closed();
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    return await new Promise<VirtualMachine>((resolve, reject) => {
      const stop = (): void => {
        if (signal !== undefined) waiter.fail(abortedError(signal));
      };
      const leave = (): void => {
        signal?.removeEventListener('abort', stop);
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
      };
      const waiter: Waiter = {
        take: (vm) => {
          leave();
          resolve(vm);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      this.#waiters.push(waiter);
      signal?.addEventListener('abort', stop, { once: true });
      this.#fill();
    });
  }

  /**
   * Purges the clones that nobody has taken, and gives up those that are being made; those that somebody has are theirs
   * to end. Whoever waits is told.
   * @throws what purging one throws, or an AggregateError of several
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { fail } of [...this.#waiters]) fail(closed());
    this.#closing.abort();
    await Promise.all(this.#making);
    const ends = this.#ready.splice(0).map(async (vm) => vm[Symbol.asyncDispose]());
    const problems = (await Promise.allSettled(ends)).flatMap((end) =>
      end.status === 'rejected' ? [end.reason as unknown] : [],
    );
    if (problems.length > 1) throw new AggregateError(problems, 'not all clones could be purged');
    if (problems.length > 0) throw problems[0];
  }

  /** What `console.log` shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { name } = this.#golden;
    return `${this.constructor.name}(${name}, ${this.#ready.length} ready of ${this.#size})`;
  }

  #fill(): void {
    while (!this.#isClosed && this.#alive < this.#size) {
      this.#alive += 1;
      const making = this.#make().finally(() => this.#making.delete(making));
      this.#making.add(making);
    }
  }

  /** Never fails: whoever waits is told. */
  async #make(): Promise<void> {
    try {
      const vm = await this.#clone();
      void vm.ended.then(() => {
        this.#alive -= 1;
        const at = this.#ready.indexOf(vm);
        if (at >= 0) this.#ready.splice(at, 1);
        this.#fill();
      });
      const waiter = this.#isClosed ? undefined : this.#waiters[0];
      if (waiter === undefined) this.#ready.push(vm);
      else waiter.take(vm);
    } catch (error) {
      this.#alive -= 1;
      for (const { fail } of [...this.#waiters]) fail(error as Error);
    }
  }

  async #clone(): Promise<VirtualMachine> {
    const options = { ...this.#options, dryRun: false as const };
    if (!this.#hasMemory()) return await this.#golden.clone(undefined, options);
    try {
      return await this.#golden.clone(undefined, { ...options, warm: true });
    } catch (error) {
      if (!hasCode(error, 'GUEST_UNFIT')) throw error;
      return await this.#golden.clone(undefined, { ...options, live: true });
    }
  }

  /** Whether the clones are to go on from the memory of the golden instance; they boot otherwise. */
  #hasMemory(): boolean {
    const { live, warm, cold, snapshot, overrides, start } = this.#options;
    const isSaid = [live, warm, cold, snapshot, overrides].some((one) => one !== undefined);
    if (isSaid || start === false) return false;
    const { state } = this.#golden.view();
    return state === 'Running' || state === 'Suspended';
  }
}

/**
 * Makes a pool of clones, linked and started unless its options say otherwise. It begins at once. Where the golden
 * instance runs or is suspended they go on from its memory (`warm`), unless its options say how (`live`, `cold`), of
 * what (`snapshot`) or with which `overrides`; where its guest is not fit for that, and else, they boot.
 * @throws MultipassError INVALID_ARGUMENT for a size that is none
 * @example
 * ```ts
 * await using pool = clonePool(await store.get('golden'), { size: 4 });
 * await using vm = await pool.acquire();
 * ```
 */
export function clonePool(golden: VirtualMachine, options: ClonePoolOptions): ClonePool {
  return new ClonePool(golden, options);
}

function closed(): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', 'the pool of clones is closed', {
    hint: 'Take clones before the pool is disposed of.',
  });
}
