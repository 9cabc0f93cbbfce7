import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';
import { collides, IPV4, parsePortRow, portRowName } from '../../store/port-row.js';

/** What is forwarded. */
export type Protocol = 'tcp' | 'udp';

/** A port of the host that leads to one of the guest's. */
export interface Forward extends WithUnknownKeys {
  /** Of the host, IPv4; `0.0.0.0` is all that it has. */
  readonly address: string;
  /** 1 to 65535. */
  readonly hostPort: number;
  /** 1 to 65535. */
  readonly guestPort: number;
  /** `tcp` or `udp`. */
  readonly protocol: Protocol;
}

/** More than anybody needs; each is a socket, and a rule to be made at each start. */
export const MOST_FORWARDS = 256;
/** The highest port there is. */
export const LAST_PORT = 65_535;

const KEYS = ['address', 'hostPort', 'guestPort', 'protocol'];

/** Specs of older versions have none. @throws RecordError with the place of what is wrong */
export function decodeForwards(place: JsonPlace): Forward[] {
  return place.isAbsent() ? [] : place.items(MOST_FORWARDS).map(decodeForward);
}

function decodeForward(place: JsonPlace): Forward {
  return {
    address: place.key('address').matching(IPV4, 'an IPv4 address'),
    hostPort: decodePort(place.key('hostPort')),
    guestPort: decodePort(place.key('guestPort')),
    protocol: place.key('protocol').oneOf(['tcp', 'udp']),
    ...place.unknownKeys(KEYS),
  };
}

function decodePort(place: JsonPlace): number {
  const port = place.integer(1);
  return port <= LAST_PORT ? port : place.fail(`expected a port, found ${port}`);
}

/** The name of a forward's row in the store's table of ports. */
export function portRowOf({ protocol, address, hostPort }: Omit<Forward, 'guestPort'>): string {
  return portRowName({ protocol, address, port: hostPort });
}

/** Whether two forwards want what only one of them can listen on. */
export function wantSamePort(one: Forward, other: Forward): boolean {
  return collides(portRowOf(one), portRowOf(other));
}

/** The rows of ports that a spec names; lenient, because it is also used for what is Broken. */
export function portRowsOf(record: Readonly<Record<string, unknown>> | undefined): string[] {
  const forwards = record?.['forwards'];
  if (!Array.isArray(forwards) || forwards.length > MOST_FORWARDS) return [];
  return forwards.flatMap((item: unknown) => {
    const { protocol, address, hostPort } = (item ?? {}) as Readonly<Record<string, unknown>>;
    const name = `${String(protocol)}-${String(address)}-${String(hostPort)}`;
    return parsePortRow(name) === undefined ? [] : [name];
  });
}
