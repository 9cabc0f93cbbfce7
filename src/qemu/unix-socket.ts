import { open } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
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
