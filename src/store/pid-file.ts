import { isProcessAlive } from './maker-token.js';
import { isAtWorkIn } from '../process/at-work.js';
import { bootId, startTimeOf } from '../process/start-time.js';
import { readSmallFileIfAny } from '../files/record.js';

/** Who a file of WRITE_PID_FILE says it is. */
interface Noted {
  readonly pid: number;
  readonly startTime: string;
  /** The boot of the host that it was written in; undefined where the host has no name for one. */
  readonly boot: string | undefined;
}

/** What a pid file tells: the pid of a process that lives, or that it has ended, or that there is none. */
export type NotedProcess = number | 'ended' | 'none';

/**
 * The process that a file of WRITE_PID_FILE names, when that very one lives and is at work in `folder`. Only the
 * kernel is believed: a file that came with a copy, an archive or from an earlier boot, or that somebody wrote, names
 * a process that works elsewhere or started at another time. So what this gives may be sent a signal. Where there is
 * no /proc to ask, pid and start time must do.
 * @param folder null for a process that works where nobody can look: its start time and the boot must do
 * @throws MultipassError when the file cannot be read
 */
export function notedProcess(path: string, folder: string | null): NotedProcess {
  const text = readSmallFileIfAny(path);
  if (text === undefined) return 'none';
  const noted = parse(text);
  return noted !== undefined && isAlive(noted) && (folder === null || isAtWorkIn(noted.pid, folder))
    ? noted.pid
    : 'ended';
}

/** The pid of {@link notedProcess}, or undefined. @throws MultipassError when the file cannot be read */
export function liveProcessOf(path: string, folder: string | null): number | undefined {
  const found = notedProcess(path, folder);
  return typeof found === 'number' ? found : undefined;
}

function parse(text: string): Noted | undefined {
  const [, pid] = /"pid":\s*(\d{1,10})\b/.exec(text) ?? [];
  const [, startTime] = /"startTime":\s*"(\d{1,20})"/.exec(text) ?? [];
  const [, boot] = /"boot":\s*"([0-9a-f-]{36})"/.exec(text) ?? [];
  if (pid === undefined || startTime === undefined) return undefined;
  return { pid: Number(pid), startTime, boot };
}

function isAlive({ pid, startTime, boot }: Noted): boolean {
  if (!isProcessAlive(pid, startTime)) return false;
  if (process.platform !== 'linux') return true;
  return startTimeOf(String(pid)) === startTime && (boot === undefined || boot === thisBoot());
}

let boot: string | undefined;

function thisBoot(): string {
  return (boot ??= bootId());
}
