import { once } from 'node:events';
import {
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request that came by. */
export interface Passing {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  /** How many came before it. */
  readonly number: number;
}

/** What is done with one in place of handing it on; undefined: it is handed on. */
export type Meddle = (passing: Passing, answer: ServerResponse) => boolean | undefined;

/** Stands before a registry: counts what is sent, and answers in its place when it is told to. */
export interface MeddlingProxy extends AsyncDisposable {
  readonly host: string;
  readonly seen: Passing[];
  /** Bytes of bodies that went to the registry, and that came from it. */
  readonly sent: () => number;
  readonly received: () => number;
  /** How many connections came. */
  readonly connections: () => number;
  meddle: Meddle;
  /** Changes the bytes of an answer. */
  change: ((passing: Passing, body: Buffer) => Buffer | undefined) | undefined;
  readonly forget: () => void;
}

export async function meddlingProxy(registry: string): Promise<MeddlingProxy> {
  const seen: Passing[] = [];
  let [sent, received, connections] = [0, 0, 0];
  const sockets = new Set<Socket>();
  const listener: RequestListener = (asked, answer) => {
    const { method = '', url = '', headers } = asked;
    const passing = { method, url, headers, number: seen.length };
    seen.push(passing);
    if (proxy.meddle(passing, answer) === true) {
      asked.resume();
      return;
    }
    asked.on('data', (piece: Buffer) => void (sent += piece.length));
    const [name, port] = registry.split(':');
    const on = request({ host: name, port, method, path: url, headers }, (theirs) => {
      const whole: Buffer[] = [];
      const { change } = proxy;
      theirs.on('data', (piece: Buffer) => {
        received += piece.length;
        if (change === undefined) answer.write(piece);
        else whole.push(piece);
      });
      theirs.on('error', () => answer.destroy());
      theirs.on('end', () => {
        if (change === undefined) return void answer.end();
        const body = Buffer.concat(whole);
        const changed = change(passing, body) ?? body;
        const length = method === 'HEAD' ? {} : { 'content-length': String(changed.length) };
        answer.writeHead(theirs.statusCode ?? 502, { ...theirs.headers, ...length });
        answer.end(changed);
      });
      if (change === undefined) answer.writeHead(theirs.statusCode ?? 502, theirs.headers);
    });
    on.on('error', () => answer.destroy());
    asked.pipe(on);
    asked.on('error', () => on.destroy());
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => undefined));
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy: MeddlingProxy = {
    host: `127.0.0.1:${port}`,
    seen,
    sent: () => sent,
    received: () => received,
    connections: () => connections,
    meddle: () => undefined,
    change: undefined,
    forget: () => {
      seen.length = 0;
      [sent, received, connections] = [0, 0, 0];
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
