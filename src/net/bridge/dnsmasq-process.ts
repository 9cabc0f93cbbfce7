import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sleep } from '../../abort.js';
import { sendSignal } from '../../process/send-signal.js';

/** A dnsmasq that serves a bridge now. */
export interface DnsmasqProcess {
  readonly pid: number;
  /** Its whole command line, the program first. */
  readonly argv: readonly string[];
}

const POLL_MS = 10;
/** dnsmasq ends at once when it is told to; what does not is stuck. */
const PATIENCE_MS = 5000;

/**
 * The dnsmasq that serves a bridge, whoever started it and wherever its files are. What its
 * pid file names is looked at first, but believed only by its command line.
 * @param inside a process of the network namespace that is meant. Default: ourselves.
 */
export function findDnsmasq(
  folder: string,
  bridge: string,
  inside: number | 'self' = 'self',
): DnsmasqProcess | undefined {
  const noted = Number(readText(join(folder, 'dnsmasq.pid')));
  const others = (): number[] => readdirSync('/proc').filter(isNumber).map(Number);
  const namespace = namespaceOf(inside);
  const serving = (pid: number) => servingIn(namespace, pid, bridge);
  return serving(noted) ?? first(others(), serving);
}

/** The folder that a dnsmasq of ours keeps its leases in. */
export function folderOf({ argv }: DnsmasqProcess): string | undefined {
  const option = '--dhcp-leasefile=';
  const found = argv.find((word) => word.startsWith(option));
  return found === undefined ? undefined : dirname(found.slice(option.length));
}

/** Ends a dnsmasq, and returns once the kernel has closed all that it had open. */
export async function stopDnsmasq(found: DnsmasqProcess, signal?: AbortSignal): Promise<void> {
  sendSignal(found.pid, 'SIGTERM');
  for (let waited = 0; isAlive(found.pid); waited += POLL_MS) {
    if (waited >= PATIENCE_MS) sendSignal(found.pid, 'SIGKILL');
    await sleep(POLL_MS, signal);
  }
}

function servingIn(
  namespace: string | undefined,
  pid: number,
  bridge: string,
): DnsmasqProcess | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const argv = readText(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
  const isIt =
    basename(argv[0] ?? '') === 'dnsmasq' &&
    argv.includes(`--interface=${bridge}`) &&
    namespace !== undefined &&
    namespaceOf(pid) === namespace;
  return isIt ? { pid, argv } : undefined;
}

function namespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** A zombie has closed everything, and stays for as long as its parent likes. */
function isAlive(pid: number): boolean {
  const state = /^.*\) (\S)/s.exec(readText(`/proc/${pid}/stat`))?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Empty when there is no such file, or no longer such a process. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
