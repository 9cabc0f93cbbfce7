/** A port of the host that is listened on. */
export interface HostPort {
  readonly protocol: 'tcp' | 'udp';
  /** IPv4, as the kernel writes it; `0.0.0.0` is every address of the host. */
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
}

const EVERY_ADDRESS = '0.0.0.0';

const OCTET = '(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])';
/** An IPv4 address, written in the one way that the kernel writes it. */
export const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const ROW = /^(tcp|udp)-([0-9.]+)-([1-9][0-9]{0,4})$/;

/** The name of the row of a port: `tcp-127.0.0.1-8080`. */
export function portRowName({ protocol, address, port }: HostPort): string {
  return `${protocol}-${address}-${port}`;
}

/** The inverse of {@link portRowName}; undefined for what is no row. */
export function parsePortRow(name: string): HostPort | undefined {
  const [, protocol, address = '', digits] = ROW.exec(name) ?? [];
  const port = Number(digits);
  if ((protocol !== 'tcp' && protocol !== 'udp') || !IPV4.test(address) || !(port <= 65_535)) {
    return undefined;
  }
  return { protocol, address, port };
}

/** Whether two rows are of ports that only one can listen on. */
export function collides(one: string, other: string): boolean {
  const [a, b] = [parsePortRow(one), parsePortRow(other)];
  if (a === undefined || b === undefined) return false;
  if (a.protocol !== b.protocol || a.port !== b.port) return false;
  return a.address === b.address || [a.address, b.address].includes(EVERY_ADDRESS);
}
