import { createConnection } from 'node:net';

/** How a guest is reached: an address of the host or of its bridge. */
export interface GuestAddress {
  readonly host: string;
  readonly port: number;
}

/** What an ssh server says first (RFC 4253, section 4.2). */
const BANNER = 'SSH-';
const PATIENCE_MS = 5000;

/**
 * Whether an ssh server answers. Cheaper than a try to enter, and needed: a forwarded port takes every connection,
 * whether there is a guest behind it or not.
 */
export async function answersSsh({ host, port }: GuestAddress): Promise<boolean> {
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
