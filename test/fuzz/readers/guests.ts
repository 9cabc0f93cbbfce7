import { PassThrough } from 'node:stream';
import { MacAddress } from '../../../src/net/mac-address.js';
import { parseLeases, withoutLeasesOf } from '../../../src/net/leases.js';
import { readAnnouncement } from '../../../src/vm/guest/guest-script.js';
import { parseRuntimeInfo } from '../../../src/vm/guest/runtime-info.js';
import { readSshLog } from '../../../src/vm/guest/ssh-log.js';
import { macsItSaid, readWhatItSaid } from '../../../src/vm/renewal/what-it-said.js';
import { SftpConnection } from '../../../src/vm/transfer/sftp/connection.js';
import { decodeAttributes } from '../../../src/vm/transfer/sftp/attributes.js';
import { SftpProtocolError, WireReader } from '../../../src/vm/transfer/sftp/wire.js';
import { reader, texts } from '../reader.js';

const SAID =
  'hostname web\nmachine-id 1\ninstance-id i\nhostkey ssh-ed25519 AAAA\nclock 1\nmac 52:54:00:12:34:56\ndone\n';
const RUNTIME = [
  ...['0.1 0.2 0.3 1/99 5\n', '2\n', 'MemTotal: 1000 kB\nMemAvailable: 500 kB\n'],
  ...[
    'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 9000 4000 5000 45% /\n',
  ],
  ...['Ubuntu 24.04\n', '2: ens3 inet 10.1.2.3/24 brd x\n'],
].join('=multipass=\n');

/** A message as an SFTP server writes it: its length, its kind and what it holds. */
function message(kind: number, ...fields: readonly (number | string)[]): Buffer {
  const body = fields.map((field) => {
    const bytes = typeof field === 'string' ? Buffer.from(field) : Buffer.alloc(0);
    const number = Buffer.alloc(4);
    number.writeUInt32BE(typeof field === 'string' ? bytes.length : field);
    return Buffer.concat([number, bytes]);
  });
  const all = Buffer.concat([Buffer.from([kind]), ...body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(all.length);
  return Buffer.concat([length, all]);
}

const VERSION = message(2, 3, 'posix-rename@openssh.com', '1');

export const guests = [
  reader({
    name: 'sftp',
    grammar: 'bytes',
    samples: () => [
      Buffer.concat([VERSION, message(101, 1, 0, 'ok', 'en'), message(102, 2, 'handle')]),
      Buffer.concat([
        VERSION,
        message(104, 1, 1, 'a', '-rw a', 4, 0o100644),
        message(105, 2, 5, 0, 9, 0o40755),
      ]),
    ],
    read: async (input) => {
      const [toUs, fromUs] = [new PassThrough(), new PassThrough()];
      fromUs.resume();
      const opened = SftpConnection.open({ input: toUs, output: fromUs });
      for (let at = 0; at < input.length; at += 100) toUs.write(input.subarray(at, at + 100));
      const { connection } = await Promise.race([opened, ending(toUs, opened)]);
      const answers = [1, 2].map(async () => await connection.ask(17, []));
      toUs.end();
      return await Promise.allSettled(answers);
    },
    mayThrow: (error) => error instanceof SftpProtocolError,
    problem: (answers) =>
      answers.every((one) => one.status === 'fulfilled' || one.reason instanceof SftpProtocolError)
        ? undefined
        : 'another error',
  }),
  reader({
    name: 'sftp-attributes',
    grammar: 'bytes',
    samples: () => [
      message(0, 0x8000_000f, 0, 9, 1, 2, 0o644, 1, 2, 1, 'a', 'b').subarray(5),
      Buffer.from([0, 0, 0, 4, 0, 0, 1, 0]),
    ],
    read: (input) => decodeAttributes(new WireReader(input)),
    mayThrow: (error) => error instanceof SftpProtocolError,
  }),
  reader({
    name: 'runtime-info',
    grammar: 'lines',
    samples: () => texts(RUNTIME),
    read: (input) => parseRuntimeInfo(input.toString('utf8')),
  }),
  reader({
    name: 'ssh-log',
    grammar: 'lines',
    samples: () =>
      texts(
        'debug1: sshconnect2.c:ssh_userauth2():502 (pid=12): Authenticated to a\nssh: no route\r\n',
      ),
    read: (input) => readSshLog(input.toString('utf8')),
  }),
  reader({
    name: 'announcement',
    grammar: 'lines',
    samples: () => texts('token 1234', 'token folder', 'token program'),
    read: (input) => readAnnouncement(input.toString('utf8'), 'token'),
  }),
  reader({
    name: 'what-it-said',
    grammar: 'lines',
    samples: () => texts(SAID, 'a\n'.repeat(200_000)),
    read: (input) => {
      const text = input.toString('utf8');
      return [
        readWhatItSaid(
          text,
          { hostname: 'web', instanceId: 'i', isFull: true },
          'h ssh-ed25519 BBBB\n',
        ),
        macsItSaid(text),
      ];
    },
  }),
  reader({
    name: 'leases',
    grammar: 'lines',
    samples: () =>
      texts('0 52:54:00:12:34:56 10.1.2.3 web 01:52\n1700000000 52:54:00:12:34:57 10.1.2.4 * *\n'),
    read: (input) => {
      const text = input.toString('utf8');
      const rest = withoutLeasesOf(text, MacAddress.parse('52:54:00:12:34:56'));
      return { leases: parseLeases(text), rest: parseLeases(`${rest}\n`) };
    },
    problem: ({ rest }) =>
      rest.some(({ mac }) => mac.toString() === '52:54:00:12:34:56')
        ? 'a lease that was to go'
        : undefined,
  }),
];

/** Ends the stream once all was read that there is; whoever waits for more is told. */
async function ending<Opened>(input: PassThrough, opened: Promise<Opened>): Promise<Opened> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  if (input.readableLength === 0) setImmediate(() => input.end());
  return await opened;
}
