import { once } from 'node:events';
import {
  createServer as createHttpServer,
  request,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test as base } from 'vitest';

/** Servers on this host; they end with the test. */
export interface Servers {
  /** Answers http on an address, by default 127.0.0.1. @returns its URL, with a slash at the end */
  readonly http: (answer: RequestListener, host?: string) => Promise<string>;
  /** Does with connections what it likes. @returns as above */
  readonly raw: (connected: (socket: Socket) => void) => Promise<string>;
  /** A forwarding proxy; hosts that end in `.example` are 127.0.0.1 to it. */
  readonly proxy: () => Promise<Proxy>;
}

/** A proxy, and what it was asked for. */
export interface Proxy {
  readonly url: string;
  readonly seen: { method: string; target: string; authorization: string | undefined }[];
}

export const test = base.extend<{ servers: Servers }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  servers: async ({}, use) => {
    const open: Server[] = [];
    const sockets = new Set<Socket>();
    const listen = async (server: Server, host = '127.0.0.1'): Promise<string> => {
      server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
      open.push(server.listen(0, host));
      await once(server, 'listening');
      const { address, port, family } = server.address() as AddressInfo;
      return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
    };
    const proxy = async (): Promise<Proxy> => {
      const seen: Proxy['seen'] = [];
      const note = ({ method = '', url = '', headers }: IncomingMessage): void =>
        void seen.push({ method, target: url, authorization: headers['proxy-authorization'] });
      const server = createHttpServer((asked, answer) => {
        note(asked);
        const { hostname, port, pathname } = new URL(asked.url ?? '');
        request(
          { host: known(hostname), port, path: pathname, headers: asked.headers },
          (theirs) => {
            answer.writeHead(theirs.statusCode ?? 502, theirs.headers);
            theirs.pipe(answer);
          },
        ).end();
      });
      server.on('connect', (asked: IncomingMessage, socket: Socket) => {
        note(asked);
        const [host = '', port = ''] = (asked.url ?? '').split(':');
        const theirs = connect(Number(port), known(host), () => {
          socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
          theirs.pipe(socket).pipe(theirs);
        });
        theirs.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
      });
      return { url: await listen(server), seen };
    };
    await use({
      http: (answer, host) => listen(createHttpServer(answer), host),
      raw: (connected) => listen(createServer(connected)),
      proxy,
    });
    for (const socket of sockets) socket.destroy();
    for (const server of open) server.close();
  },
});

function known(host: string): string {
  return host.endsWith('.example') ? '127.0.0.1' : host;
}
