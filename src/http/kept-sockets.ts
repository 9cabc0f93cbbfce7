import type { Socket } from 'node:net';

/** For how long one is kept: servers close theirs after five seconds and more, and a request must not meet that. */
const IDLE_MS = 4000;
/** Of one server. */
const MOST = 8;

interface Kept {
  readonly socket: Socket;
  readonly forget: () => void;
}

/** Connections that a request was done on, for the next one to the same server. They hold no process up. */
export class KeptSockets {
  /** The youngest last. */
  readonly #idle = new Map<string, Kept[]>();

  /** One that goes to the same server by the same way, if there is one. It is no longer kept. */
  take(key: string): Socket | undefined {
    const last = this.#idle.get(key)?.at(-1);
    last?.forget();
    if (last === undefined || last.socket.destroyed) return undefined;
    last.socket.ref();
    return last.socket;
  }

  /** Keeps one that nothing is under way on. */
  keep(key: string, socket: Socket): void {
    // Between one request and the next nobody else listens.
    if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore);
    const all = this.#idle.get(key) ?? [];
    if (socket.destroyed || all.length >= MOST) {
      socket.destroy();
      return;
    }
    const drop = (): void => {
      kept.forget();
      socket.destroy();
    };
    // Nobody has asked for anything: whatever comes is its end.
    const events = ['data', 'end', 'error', 'close'] as const;
    const timer = setTimeout(drop, IDLE_MS).unref();
    const kept: Kept = {
      socket,
      forget: () => {
        clearTimeout(timer);
        for (const event of events) socket.off(event, drop);
        all.splice(all.indexOf(kept), 1);
        if (all.length === 0) this.#idle.delete(key);
      },
    };
    for (const event of events) socket.on(event, drop);
    this.#idle.set(key, all);
    all.push(kept);
    socket.unref();
  }
}

function ignore(): void {
  // Who uses it next is told.
}
