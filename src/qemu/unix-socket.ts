import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { errnoOf } from '../errors.js';

/**
 * A server that begins does not listen yet, one that ends no more, and before one that is busy there is a queue, which
 * may be full (EAGAIN) and ends with it.
 */
const NOT_NOW = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EAGAIN']);

/** Whether a connection that failed may be made a moment later, when its server lives. */
export function isNotNow(error: unknown): boolean {
  return NOT_NOW.has(errnoOf(error) ?? '');
}

/**
 * Connects to a unix socket in a folder whose path may be of any length. The kernel takes 107 bytes for the whole path,
 * and Node cuts off what is longer without a word; so the folder is reached through our own open file on it.
 * @param take called in the moment it is connected, to listen to it: whoever comes later may have missed its end
 * @throws the system's own error: ENOENT, ECONNREFUSED, … (see {@link isNotNow})
 */
export async function connectUnixSocket<T>(
  folder: string,
  name: string,
  take: (socket: Socket) => T,
): Promise<T> {
  const handle = await open(folder, 'r');
  try {
    return await connect(`/proc/self/fd/${handle.fd}/${name}`, take);
  } finally {
    await handle.close();
  }
}

async function connect<T>(path: string, take: (socket: Socket) => T): Promise<T> {
  return await new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(take(socket));
    });
  });
}

/** What is written to a file that somebody sends. */
export interface Receiving {
  /** Resolves once the file is whole; rejects with the system's own error. */
  readonly done: Promise<void>;
  /** What `done` has rejected with by now: whoever sends is told no more than that he was hung up on. */
  readonly failed: unknown;
}

/**
 * Writes to a file what the first one sends who connects to a new unix socket, until he has done. The socket is there
 * when this returns; the folder's path may be of any length, as for {@link connectUnixSocket}.
 * @throws the system's own error
 */
export async function receiveFromUnixSocket(
  folder: string,
  name: string,
  path: string,
): Promise<Receiving> {
  await using handle = await open(folder, 'r');
  const server = createServer({ pauseOnConnect: true }).unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(`/proc/self/fd/${handle.fd}/${name}`, resolve);
  });
  const done = once(server, 'connection').then(async ([socket]) => {
    server.close();
    await pipeline(socket as Socket, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  });
  const receiving: { done: Promise<void>; failed: unknown } = { done, failed: undefined };
  done.catch((error: unknown) => (receiving.failed = error));
  return receiving;
}

/** Sends a file to whoever listens on a unix socket, and hangs up. @throws the system's own error */
export async function sendToUnixSocket(folder: string, name: string, path: string): Promise<void> {
  const socket = await connectUnixSocket(folder, name, (connected) => connected);
  await pipeline(createReadStream(path), socket);
}
