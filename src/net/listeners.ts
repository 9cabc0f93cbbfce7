import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Where something listens on this host. */
export interface ListeningPlace {
  readonly protocol: 'tcp' | 'udp';
  /** IPv4; `0.0.0.0` is all addresses. */
  readonly address: string;
  readonly port: number;
}

/** A program that has a port. */
export interface PortUser {
  /** Null where the kernel does not tell us: it is another user's. */
  readonly pid: number | null;
  /** Its name, 15 characters at most; null as the pid. */
  readonly program: string | null;
}

interface Listener {
  readonly address: string;
  readonly inode: string;
}

const ANY = '0.0.0.0';
/** TCP_LISTEN, and what the kernel says of a UDP socket that is not connected (Linux, include/net/tcp_states.h). */
const LISTENING = { tcp: '0A', udp: '07' } as const;

/** Who listens where it keeps others from a port, as /proc/net and /proc/PID/fd tell (Linux); nobody elsewhere. */
export function usersOfPort(place: ListeningPlace): PortUser[] {
  const inodes = listenersOn(place)
    .filter(({ address }) => [address, place.address].includes(ANY) || address === place.address)
    .map(({ inode }) => inode);
  if (inodes.length === 0) return [];
  const pids = numbersIn('/proc').filter((pid) => hasOneOf(pid, inodes));
  if (pids.length === 0) return [{ pid: null, program: null }];
  return pids.map((pid) => ({ pid, program: nameOf(pid) }));
}

/** Whether a process itself listens at just this place. False where the kernel does not tell. */
export function isListening(pid: number, place: ListeningPlace): boolean {
  const own = listenersOn(place).filter(({ address }) => address === place.address);
  const inodes = own.map(({ inode }) => inode);
  return inodes.length > 0 && hasOneOf(pid, inodes);
}

function listenersOn({ protocol, port }: ListeningPlace): Listener[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return [`/proc/net/${protocol}`, `/proc/net/${protocol}6`].flatMap((table) =>
    linesOf(table).flatMap((line) => {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      const [hex = '', own] = local.split(':');
      const address = own === hexPort && state === LISTENING[protocol] ? ipv4Of(hex) : undefined;
      return address === undefined || inode === undefined ? [] : [{ address, inode }];
    }),
  );
}

/** The kernel prints words in its own byte order; an IPv6 address that is all zeros is every IPv4 address as well. */
function ipv4Of(hex: string): string | undefined {
  if (/^0+$/.test(hex)) return ANY;
  const words = /^(?:0{16}FFFF0000)?([0-9A-F]{8})$/.exec(hex)?.[1];
  if (words === undefined) return undefined;
  return [...Buffer.from(words, 'hex').reverse()].join('.');
}

function hasOneOf(pid: number, inodes: readonly string[]): boolean {
  const folder = `/proc/${pid}/fd`;
  return numbersIn(folder).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${fd}`))?.[1];
    return inode !== undefined && inodes.includes(inode);
  });
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    // It has ended, or is another user's.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function nameOf(pid: number): string | null {
  return linesOf(`/proc/${pid}/comm`)[0] ?? null;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch {
    return [];
  }
}
