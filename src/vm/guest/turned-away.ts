import { sleep } from '../../abort.js';
import { log } from '../../log.js';
import { readSshLog } from './ssh-log.js';

/** For how long somebody who is turned away tries again. A burst of 64 has passed by then, under emulation too. */
const LIMIT_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

/**
 * Whether ssh was turned away before it had said who it is: so nothing has been run, and it may try again. A server
 * does that to those who come when too many are at its door (OpenSSH's `MaxStartups`, dropbear's five for each
 * address), and when it ends meanwhile.
 * @param log what ssh wrote of itself
 */
export function wasTurnedAway(log: string): boolean {
  const { complaints, isAuthenticated } = readSshLog(log);
  return !isAuthenticated && (AT_THE_DOOR.test(complaints) || BEHIND_THE_DOOR.test(complaints));
}

const AT_THE_DOOR =
  /^(?:kex_exchange_identification|ssh_exchange_identification|banner exchange): .*\b(?:closed|reset)\b/im;
const BEHIND_THE_DOOR = /^Connection (?:closed|reset) by \S+ port \d+$/m;

/**
 * Tries something again for as long as it is turned away, each time after a pause of random length that grows: those
 * who came together do not come again together.
 * @param attempt whether it was turned away, and what came of it
 * @returns what came of the last try, turned away or not
 * @throws MultipassError ABORTED; what `attempt` throws
 */
export async function whileTurnedAway<Result>(
  attempt: () => Promise<{ readonly turnedAway: boolean; readonly result: Result }>,
  { signal, limitMs = LIMIT_MS }: { signal?: AbortSignal | undefined; limitMs?: number },
): Promise<Result> {
  const end = performance.now() + limitMs;
  for (let longest = FIRST_PAUSE_MS; ; longest = Math.min(longest * 2, LONGEST_PAUSE_MS)) {
    const { turnedAway, result } = await attempt();
    const pause = longest / 2 + Math.random() * longest;
    if (!turnedAway || performance.now() + pause > end) return result;
    log('debug', 'guest', `turned away before authentication: again in ${Math.round(pause)} ms`);
    await sleep(pause, signal);
  }
}
