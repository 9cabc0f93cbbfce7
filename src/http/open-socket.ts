import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectPlain, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { errnoOf } from '../errors.js';
import { portOf } from './proxy.js';
import { bare, type Address } from './reach.js';

/** A connection that a request can be sent on. */
export interface OpenSocketOptions {
  readonly url: URL;
  /** Null: straight to one of `addresses`. */
  readonly proxy: URL | null;
  /** Those that were judged: no name is looked up again. Not needed for a proxy. */
  readonly addresses: readonly Address[];
  readonly signal: AbortSignal;
  /** Who is believed about the server, in PEM. Default: whom Node believes. */
  readonly authorities?: readonly string[] | undefined;
}

/**
 * Connects to a server, or through a proxy: for https by a tunnel (CONNECT), for http to the proxy itself. TLS is with
 * the server, never with the proxy in its place.
 * @throws the system's error, or one that says what the proxy answered; AbortError
 */
export async function openSocket(options: OpenSocketOptions): Promise<Socket> {
  const { url, proxy, addresses, signal, authorities } = options;
  if (proxy === null) {
    const socket = await connectTo(url, { signal, addresses });
    return url.protocol === 'https:' ? await secured(socket, url, { signal, authorities }) : socket;
  }
  const toProxy = await connectTo(proxy, { signal });
  const socket = proxy.protocol === 'https:' ? await secured(toProxy, proxy, { signal }) : toProxy;
  if (url.protocol !== 'https:') return socket;
  await tunnel(socket, { url, proxy, signal });
  return await secured(socket, url, { signal, authorities });
}

/** The header by which a proxy knows who asks; empty without a user. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '' && proxy.password === '') return {};
  const user = [proxy.username, proxy.password].map(decodeURIComponent).join(':');
  return { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` };
}

async function connectTo(
  url: URL,
  { signal, addresses }: { signal: AbortSignal; addresses?: readonly Address[] },
): Promise<Socket> {
  const lookup = addresses === undefined ? {} : { lookup: always(addresses) };
  const host = bare(url.hostname);
  return await ready(connectPlain({ host, port: portOf(url), ...lookup }), 'connect', signal);
}

async function secured(
  socket: Socket,
  url: URL,
  { signal, authorities }: Pick<OpenSocketOptions, 'signal' | 'authorities'>,
): Promise<Socket> {
  const host = bare(url.hostname);
  const trust = authorities === undefined ? {} : { ca: [...authorities] };
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return await ready(
    connectSecure({ socket, host, ...servername, ...trust }),
    'secureConnect',
    signal,
  );
}

/** Has a proxy join the connection with the server. */
async function tunnel(
  socket: Socket,
  { url, proxy, signal }: { url: URL; proxy: URL; signal: AbortSignal },
): Promise<void> {
  const target = `${url.hostname}:${portOf(url)}`;
  const headers = { host: target, 'user-agent': 'multipass-ts', ...proxyAuthorization(proxy) };
  const asked = request({
    createConnection: () => socket,
    method: 'CONNECT',
    path: target,
    headers,
    signal,
  });
  // The tunnel outlives the request for it, and tells of its own what goes wrong.
  asked.on('error', () => undefined);
  asked.end();
  const answered = Promise.race([once(asked, 'connect'), once(asked, 'response')]);
  const [answer] = (await answered) as [{ statusCode?: number }];
  if (answer.statusCode === 200) return;
  socket.destroy();
  throw new Error(`the proxy ${proxy.host} answers ${answer.statusCode ?? 'nothing'}`);
}

async function ready<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<S> {
  try {
    await once(socket, event, { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw errnoOf(error) === undefined ? firstOf(error) : error;
  }
}

/** Of several addresses that were tried at once, each has its own error. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors[0] as unknown) : error;
}

function always(addresses: readonly Address[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family ?? 4);
  };
}
