import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { listHostForwards } from '../../../src/net/shared/slirp-api.js';
import { GuestAgent } from '../../../src/qemu/guest-agent.js';
import { QmpClient } from '../../../src/qemu/qmp-client.js';
import { reader, SLOW, texts, type Place } from '../reader.js';

const NAME = 'socket';
/** Whoever asks nothing for so long waits for more. */
const IDLE_MS = 200;

/** Talks to a server that says a line whenever it is asked something, and at the end hangs up. */
async function withServer<Result>(
  input: Buffer,
  place: Place,
  talk: (folder: string) => Promise<Result>,
): Promise<Result> {
  place.file('none', Buffer.alloc(0));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const lines = linesOf(input);
    const say = (): void => {
      const line = lines.shift();
      if (line !== undefined) socket.write(line);
      // Nobody asks for an event.
      if (line?.includes('"event"') === true && lines.length > 0) say();
      if (lines.length === 0) socket.end();
    };
    socket.on('data', say).setTimeout(IDLE_MS, () => socket.end());
    say();
  });
  await new Promise<void>((resolve) => server.listen(join(place.folder, NAME), resolve));
  try {
    return await talk(place.folder);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

function linesOf(input: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < input.length;) {
    const end = input.indexOf(10, at) + 1 || input.length;
    lines.push(input.subarray(at, end));
    at = end;
  }
  return lines;
}

const GREETING =
  '{"QMP":{"version":{"qemu":{"micro":0,"minor":2,"major":7}},"capabilities":["oob"]}}\r\n';

export const sockets = [
  reader({
    name: 'qmp',
    share: SLOW,
    grammar: 'json',
    samples: () =>
      texts(
        `${GREETING}{"return":{},"id":1}\r\n{"event":"STOP","data":{}}\r\n{"return":{"status":"running"},"id":2}\r\n`,
        `${GREETING}{"return":{},"id":1}\r\n{"error":{"class":"GenericError","desc":"no"},"id":2}\r\n`,
        GREETING,
      ),
    read: async (input, place) =>
      await withServer(input, place, async (folder) => {
        await using client = await QmpClient.connect(folder, NAME);
        client.onEvent(() => undefined);
        return await client.execute('query-status');
      }),
  }),
  reader({
    name: 'guest-agent',
    share: SLOW,
    grammar: 'json',
    samples: () =>
      texts('\u00ff{"return":1}\n{"return":0}\n', '{"error":{"class":"x","desc":"y"}}\n'),
    read: async (input, place) =>
      await withServer(input, place, async (folder) => {
        await using agent = await GuestAgent.find(folder, NAME);
        return agent === null ? 'none' : await agent.freeze();
      }),
  }),
  reader({
    name: 'slirp',
    share: SLOW,
    grammar: 'json',
    samples: () =>
      texts(
        {
          return: {
            entries: [{ id: 1, proto: 'tcp', host_addr: '0.0.0.0', host_port: 80, guest_port: 8 }],
          },
        },
        { entries: [] },
        { error: { desc: 'bad request' } },
      ),
    read: async (input, place) =>
      await withServer(
        input,
        place,
        async (folder) => await listHostForwards({ folder, socket: NAME }),
      ),
  }),
];
