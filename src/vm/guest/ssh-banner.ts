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
 * Whether an ssh server answers. Cheaper than a try to enter, and needed: a forwarded port takes every connection,
 * whether there is a guest behind it or not. Where no connection can be made from here, nothing takes one for the guest
 * either: the answer is true then.
 */
export async function answersSsh({ host, port, through }: GuestAddress): Promise<boolean> {
  if (through !== undefined) return true;
  return await new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PATIENCE_MS, end(false));
    socket.once('error', end(false));
    socket.once('close', end(false));
    socket.once('data', (data) => end(data.toString('latin1').startsWith(BANNER))());
  });
}
