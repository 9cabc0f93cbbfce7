import type { RuntimeInfo } from '../views.js';
import { runInGuest, type Guest } from './ssh.js';

/** Between the answers: no program prints this by itself. */
const MARK = '=multipass=';

/** One command that asks a guest everything; each part may fail by itself. */
const QUESTIONS = [
  'cat /proc/loadavg',
  'nproc',
  'cat /proc/meminfo',
  'df -Pk /',
  '. /etc/os-release && echo "$PRETTY_NAME"',
  'ip -4 -o addr show scope global',
]
  .map((question) => `(${question}) 2>/dev/null; echo ${MARK}`)
  .join('; ');

const KIB = 1024;

/**
 * Asks a running guest what only it can tell, with one ssh call.
 * @throws MultipassError SSH_FAILED, HOST_KEY_CHANGED, ABORTED
 */
export async function askGuest(guest: Guest, signal?: AbortSignal): Promise<RuntimeInfo> {
  const { stdout } = await runInGuest(guest, QUESTIONS, { signal });
  return parseRuntimeInfo(stdout);
}

/** What the answers say; what a guest does not tell is unknown. @internal for its tests */
export function parseRuntimeInfo(stdout: string): RuntimeInfo {
  const answers = stdout.split(`${MARK}\n`).map((answer) => answer.trim());
  const [load = '', cpus = '', memory = '', disk = '', release = '', addresses = ''] = answers;
  const [, total, used] = /\s(\d+)\s+(\d+)\s+\d+\s+\d+%\s+\/$/m.exec(disk) ?? [];
  const memoryTotal = kibibytes(memory, 'MemTotal');
  const free = kibibytes(memory, 'MemAvailable') ?? kibibytes(memory, 'MemFree');
  return {
    ipv4: [...addresses.matchAll(/\binet (\d+\.\d+\.\d+\.\d+)\//g)].flatMap(([, ip]) => ip ?? []),
    release: release.split('\n')[0] ?? '',
    cpuCount: /^\d+$/.test(cpus) ? Number(cpus) : null,
    load: /^(\S+) (\S+) (\S+)/.exec(load)?.slice(1) ?? [],
    diskUsed: used === undefined ? null : Number(used) * KIB,
    diskTotal: total === undefined ? null : Number(total) * KIB,
    memoryUsed: memoryTotal === null || free === null ? null : memoryTotal - free,
    memoryTotal,
  };
}

function kibibytes(meminfo: string, key: string): number | null {
  const value = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1];
  return value === undefined ? null : Number(value) * KIB;
}
