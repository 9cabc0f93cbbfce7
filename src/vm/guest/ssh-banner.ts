import { createConnection } from 'node:net';

/** How a guest is reached: an address of the host, of its bridge, or of the network that instances share. */
export interface GuestAddress {
  readonly host: string;
  readonly port: number;
  /** The words that run a program where the address leads to the guest. Default: none, it does so here. */
  readonly through?: readonly string[] | undefined;
}

/** What an ssh server says first (RFC 4253, section 4.2). */
const BANNER = 'SSH-';
const PATIENCE_MS = 5000;
/**
 * How long after the first the others are made. What is for a guest that is not on the network yet is sent again only
 * after seconds by QEMU's own network, so another that is made a little later may be the first to be answered. Few:
 * each costs a guest a process.
 */
const MADE_AFTER_MS = [0, 500, 1500, 3500];

/**
 * Whether an ssh server answers, within {@link PATIENCE_MS}. Cheaper than a try to enter, and needed: a forwarded port
 * takes every connection, whether there is a guest behind it or not. Where no connection can be made from here, nothing
 * takes one for the guest either: the answer is true then.
 */
export async function answersSsh({ host, port, through }: GuestAddress): Promise<boolean> {
  if (through !== undefined) return true;
  const over = new AbortController();
  return await new Promise<boolean>((resolve) => {
    const end = (answer: boolean): void => {
      resolve(answer);
      over.abort();
    };
    const connect = (): void => {
      const socket = createConnection({ host, port });
      over.signal.addEventListener('abort', () => socket.destroy());
      socket.once('error', () => end(false));
      socket.once('close', () => end(false));
      socket.once('data', (data) => end(data.toString('latin1').startsWith(BANNER)));
    };
    const timers = [
      ...MADE_AFTER_MS.map((after) => setTimeout(connect, after)),
      setTimeout(() => end(false), PATIENCE_MS),
    ];
    over.signal.addEventListener('abort', () => timers.forEach((timer) => clearTimeout(timer)));
  });
}
