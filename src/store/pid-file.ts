import { isProcessAlive } from './maker-token.js';
import { readSmallFileIfAny } from '../files/record.js';

/**
 * The pid that a file of WRITE_PID_FILE names, when that very process lives; undefined when it does not, or there is no
 * such file. A pid that was given to another process since is told by its start time.
 * @throws MultipassError when the file cannot be read
 */
export function liveProcessOf(path: string): number | undefined {
  const text = readSmallFileIfAny(path) ?? '';
  const [, pid] = /"pid":\s*(\d+)/.exec(text) ?? [];
  const [, startTime] = /"startTime":\s*"(\d+)"/.exec(text) ?? [];
  if (pid === undefined || startTime === undefined) return undefined;
  return isProcessAlive(Number(pid), startTime) ? Number(pid) : undefined;
}
