import { MultipassError } from '../../errors.js';
import { IPV4 } from '../../store/port-row.js';
import { LAST_PORT, type Forward, type Protocol } from '../records/forward.js';

/** Whom a forwarded port is for, unless another address is named: programs of this host. */
export const LOOPBACK = '127.0.0.1';

/** A port of the host, and the guest's that it is to lead to. */
export interface ForwardChoice {
  /** 1 to 65535. */
  readonly host: number;
  /** 1 to 65535. */
  readonly guest: number;
  /** IPv4 address of the host; `0.0.0.0` for all. Default `127.0.0.1`. */
  readonly address?: string | undefined;
  /** Default `tcp`. */
  readonly protocol?: Protocol | undefined;
}

/** A forwarded port, as far as it is told from others. */
export type ForwardedPort = Omit<ForwardChoice, 'guest'> & {
  /** 1 to 65535. */
  readonly guest?: number | undefined;
};

const FORWARD = /^(?:([^:/]*):)?([0-9]+):([0-9]+)(?:\/([a-z]+))?$/;
const PORT = /^(?:([^:/]*):)?([0-9]+)(?:\/([a-z]+))?$/;

/**
 * Reads `[ADDRESS:]HOST:GUEST[/udp]`.
 * @throws MultipassError INVALID_ARGUMENT
 */
export function parseForward(text: string): Forward {
  const [, address, host, guest, protocol] = FORWARD.exec(text) ?? [];
  if (host === undefined || guest === undefined) throw isNone(text);
  return checkForward(
    { address, host: Number(host), guest: Number(guest), protocol: asProtocol(text, protocol) },
    text,
  );
}

/**
 * Reads a forward that there is: as {@link parseForward}, or without its guest's port, `[ADDRESS:]HOST[/udp]`.
 * @throws MultipassError INVALID_ARGUMENT
 */
export function parseForwardedPort(text: string): ForwardedPort {
  if (FORWARD.test(text)) {
    const { address, hostPort: host, guestPort: guest, protocol } = parseForward(text);
    return { address, host, guest, protocol };
  }
  const [, address, host, protocol] = PORT.exec(text) ?? [];
  // `1.2.3.4:80` is an address and a port; `8080:80` was a forward.
  if (host === undefined) throw isNone(text);
  const port = { address, host: Number(host), protocol: asProtocol(text, protocol) };
  checkForward({ ...port, guest: 1 }, text);
  return port;
}

/**
 * A forward as records have it.
 * @param text how it was written, for messages
 * @throws MultipassError INVALID_ARGUMENT for a port or an address that there cannot be
 */
export function checkForward(choice: ForwardChoice, text?: string): Forward {
  const { host, guest, address = LOOPBACK, protocol = 'tcp' } = choice;
  const forward = { address, hostPort: host, guestPort: guest, protocol };
  const isPort = (port: number): boolean =>
    Number.isInteger(port) && port >= 1 && port <= LAST_PORT;
  const isRight =
    isPort(host) && isPort(guest) && IPV4.test(address) && ['tcp', 'udp'].includes(protocol);
  if (!isRight) throw isNone(text ?? formatForward(forward));
  return forward;
}

/** The inverse of {@link parseForward}: without what goes without saying. */
export function formatForward({ address, hostPort, guestPort, protocol }: Forward): string {
  const [where, how] = [
    address === LOOPBACK ? '' : `${address}:`,
    protocol === 'tcp' ? '' : '/udp',
  ];
  return `${where}${hostPort}:${guestPort}${how}`;
}

/** A port of the host in words: `127.0.0.1:8080`, `127.0.0.1:5353/udp`. */
export function portText({ address, hostPort, protocol }: Omit<Forward, 'guestPort'>): string {
  return `${address}:${hostPort}${protocol === 'tcp' ? '' : '/udp'}`;
}

/**
 * The forward of one of several instances: `{n}` is its number, and `8080+{n}` the sum.
 * @throws MultipassError INVALID_ARGUMENT
 */
export function numberedForward(pattern: string, number: number): Forward {
  const text = pattern
    .replaceAll(/([0-9]{1,5})\+\{n\}/g, (_, port: string) => String(Number(port) + number))
    .replaceAll('{n}', String(number));
  return parseForward(text);
}

function asProtocol(text: string, name: string | undefined): Protocol | undefined {
  if (name === undefined || name === 'tcp' || name === 'udp') return name;
  throw isNone(text);
}

function isNone(text: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', `"${text}" is no forward of a port`, {
    hint:
      'Write `[ADDRESS:]HOST:GUEST[/udp]`: an IPv4 address of this host, a port of it, and one of the instance, 1 to ' +
      '65535, as in `8080:80`.',
    details: { forward: text },
  });
}
