import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { errnoOf, fromSystemError } from '../errors.js';
import type { ListeningPlace } from './listeners.js';

/** Why a port cannot be listened on: it is taken, it is for root, or the host has no such address. */
export type PortProblem = 'taken' | 'forbidden' | 'no address';

const PROBLEMS: Readonly<Record<string, PortProblem>> = {
  EADDRINUSE: 'taken',
  EACCES: 'forbidden',
  EADDRNOTAVAIL: 'no address',
};

/**
 * Whether a port could be listened on now, by us; nothing keeps it. It is bound for a moment.
 * @returns undefined when it can be had
 * @throws MultipassError IO_ERROR
 */
export async function portProblem(place: ListeningPlace): Promise<PortProblem | undefined> {
  try {
    await (place.protocol === 'tcp' ? bindTcp(place) : bindUdp(place));
    return undefined;
  } catch (error) {
    const problem = PROBLEMS[errnoOf(error) ?? ''];
    if (problem !== undefined) return problem;
    throw fromSystemError(error, `look at port ${place.port}`);
  }
}

async function bindTcp({ address, port }: ListeningPlace): Promise<void> {
  const server = createServer();
  server.listen({ host: address, port, exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function bindUdp({ address, port }: ListeningPlace): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  const closed = once(socket, 'close');
  socket.close();
  await closed;
}
