import type { VirtualProcess } from './virtual-process.js';

interface Timers {
  readonly timers: Readonly<Record<string, unknown>>;
  readonly promises: Readonly<Record<string, unknown>>;
}

type Callback = (...args: unknown[]) => void;

/** The timers of a process, by the clock of its world. */
export function timersOf(process: VirtualProcess): Timers {
  const { world } = process;
  const every = new Set<VirtualTimer>();
  const start = (timer: VirtualTimer): void => {
    timer.current = world.setTimer(process, timer.ms, () => {
      if (timer.repeats) start(timer);
      timer.callback();
    });
  };
  const make = (repeats: boolean) => {
    return (callback: Callback, ms = 0, ...args: unknown[]): VirtualTimer => {
      const timer = new VirtualTimer(ms, repeats, () => {
        callback(...args);
      });
      every.add(timer);
      start(timer);
      return timer;
    };
  };
  const clear = (timer: unknown): void => {
    if (!(timer instanceof VirtualTimer) || timer.current === undefined) return;
    world.clearTimer(timer.current);
    every.delete(timer);
  };
  const wait = async (
    ms: number,
    value: unknown,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<unknown> => {
    signal?.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const timer = world.setTimer(process, ms, () => {
        resolve(value);
      });
      signal?.addEventListener('abort', () => {
        world.clearTimer(timer);
        reject(signal.reason as Error);
      });
    });
  };
  return {
    timers: {
      setTimeout: make(false),
      setInterval: make(true),
      setImmediate: (callback: Callback, ...args: unknown[]) => make(false)(callback, 0, ...args),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    },
    promises: { setTimeout: wait, setImmediate: async (value: unknown) => await wait(0, value) },
  };
}

/** A timer as Node gives it out. */
class VirtualTimer {
  readonly ms: number;
  readonly repeats: boolean;
  readonly callback: () => void;
  current: ReturnType<VirtualProcess['world']['setTimer']> | undefined;

  constructor(ms: number, repeats: boolean, callback: () => void) {
    this.ms = ms;
    this.repeats = repeats;
    this.callback = callback;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    return this;
  }
}
