import { open } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { MultipassError } from '../../errors.js';
import { parseJson } from '../../files/json.js';

/** A port of the host that a slirp4netns leads into its namespace. */
export interface HostForward {
  readonly id: number;
  readonly protocol: string;
  readonly address: string;
  readonly hostPort: number;
  /** Of the namespace's own address. */
  readonly innerPort: number;
}

/** Where a slirp4netns is told of ports. */
export interface SlirpSocket {
  /** The network's folder. */
  readonly folder: string;
  /** The socket's name there. */
  readonly socket: string;
}

type Json = Readonly<Record<string, unknown>>;

const PATIENCE_MS = 10_000;
const LONGEST_ANSWER = 1024 * 1024;

/** The ports that there are. @throws MultipassError NETWORK_FAILED when nobody answers */
export async function listHostForwards(slirp: SlirpSocket): Promise<HostForward[]> {
  const { entries } = await ask(slirp, { execute: 'list_hostfwd' });
  return (Array.isArray(entries) ? entries : []).map((entry: unknown) => {
    const { id, proto, host_addr: address, host_port: port, guest_port: inner } = asJson(entry);
    return {
      id: Number(id),
      protocol: String(proto),
      address: String(address),
      hostPort: Number(port),
      innerPort: Number(inner),
    };
  });
}

/** Leads a port in. @throws MultipassError NETWORK_FAILED, without a reason where the port cannot be had */
export async function addHostForward(
  slirp: SlirpSocket,
  { protocol, address, hostPort, innerPort }: Omit<HostForward, 'id'>,
): Promise<void> {
  await ask(slirp, {
    execute: 'add_hostfwd',
    arguments: { proto: protocol, host_addr: address, host_port: hostPort, guest_port: innerPort },
  });
}

/** Ends one. @throws MultipassError NETWORK_FAILED when there is none */
export async function removeHostForward(slirp: SlirpSocket, id: number): Promise<void> {
  await ask(slirp, { execute: 'remove_hostfwd', arguments: { id } });
}

/** One request for each connection, whose end says that it is whole (slirp4netns(1)). */
async function ask(slirp: SlirpSocket, request: Json): Promise<Json> {
  const answer = asJson(parse(await exchange(slirp, JSON.stringify(request))));
  const { desc } = asJson(answer['error']);
  if ('error' in answer) throw failed(typeof desc === 'string' ? desc : 'it refuses');
  // Version 1.2 answers a list bare, unlike what its manual says.
  return 'return' in answer ? asJson(answer['return']) : answer;
}

/** The kernel has room for 107 bytes of a path: the folder is reached through our own open file on it. */
async function exchange({ folder, socket: name }: SlirpSocket, request: string): Promise<string> {
  const handle = await open(folder, 'r');
  try {
    return await new Promise((resolve, reject) => {
      const socket = createConnection(`/proc/self/fd/${handle.fd}/${name}`);
      let text = '';
      const giveUp = (why: string, cause?: unknown): void => {
        socket.destroy();
        reject(failed(why, cause));
      };
      socket.setEncoding('utf8').setTimeout(PATIENCE_MS, () => giveUp('it does not answer'));
      socket.once('error', (error) => giveUp(error.message, error));
      socket.on('data', (piece: string) => {
        text += piece;
        if (text.length > LONGEST_ANSWER) giveUp('its answer has no end');
      });
      socket.once('end', () => resolve(text));
      socket.end(request);
    });
  } finally {
    await handle.close();
  }
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw failed('its answer is no JSON', error);
  }
}

function asJson(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function failed(why: string, cause?: unknown): MultipassError {
  return new MultipassError('NETWORK_FAILED', `slirp4netns does not forward: ${why}`, {
    hint: 'Look at what has that port (`ss -lntup`), or choose another one.',
    cause,
  });
}
