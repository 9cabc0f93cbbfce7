import { log } from '../../log.js';
import { runInGuest, type Guest } from '../guest/ssh.js';

/** Between the answers: no program prints this by itself. */
const MARK = '=multipass=';
/** What is told at most: lines, and characters of each. */
const MOST_LINES = 10;
const LONGEST_LINE = 300;
/** A guest that has just booted answers within seconds, or is not asked again. */
const PATIENCE_MS = 30_000;

/**
 * Of the log, what this boot had to complain of: version 22.4 says `done`, without an error, after it has thrown all of
 * a user-data away, and the reason is there alone. One line is about all configurations together, the distribution's
 * own included, and is there in guests that have no other (Debian 12).
 */
const COMPLAINTS = String.raw`/ running .init-local. /{n=0}
/ - schema\.py\[WARNING\]: Invalid cloud-config provided/{next}
/ - [^ ]*\[(WARNING|ERROR|CRITICAL)\]: /{if(n<${MOST_LINES})said[n++]=substr($0,1,${LONGEST_LINE})}
END{for(i=0;i<n;i++)print said[i]}`;

/** What `cloud-init status --format json` goes by is in the first two, without a Python that starts for a minute. */
const QUESTIONS = [
  `head -c 65536 /run/cloud-init/result.json`,
  `head -c 65536 /run/cloud-init/status.json`,
  `sudo -n awk '${COMPLAINTS}' /var/log/cloud-init.log`,
]
  .map((question) => `(${question}) 2>/dev/null; echo; echo ${MARK}`)
  .join('; ');

/**
 * Asks a guest, whose first boot is over, what its cloud-init was not content with: by one ssh call, which is given up
 * after half a minute. Never an error: a guest that cannot tell has nothing to say.
 * @returns lines for the user, ten at most
 */
export async function askVerdict(guest: Guest, signal?: AbortSignal): Promise<string[]> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const either = signal === undefined ? patience : AbortSignal.any([signal, patience]);
  try {
    const { stdout } = await runInGuest(guest, QUESTIONS, { signal: either });
    return parseVerdict(stdout);
  } catch (error) {
    log('debug', 'launch', `cloud-init could not be asked: ${(error as Error).message}`);
    return [];
  }
}

/** What the answers say. @internal for its tests */
export function parseVerdict(stdout: string): string[] {
  const [result = '', status = '', complaints = ''] = stdout.split(MARK);
  const lines = [
    ...errorsIn(result),
    ...errorsIn(status),
    ...complaints.split('\n').map((line) => line.replace(/^\S+ \S+ - /, '')),
  ]
    .map((line) => line.trim().slice(0, LONGEST_LINE))
    .filter((line) => line !== '');
  return [...new Set(lines)].slice(0, MOST_LINES);
}

/** The texts under `errors`, and under `recoverable_errors` but for what is merely deprecated. */
function errorsIn(text: string): string[] {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return [];
  }
  const { v1 } = isObject(root) ? root : {};
  if (!isObject(v1)) return [];
  return [v1, ...Object.values(v1)].filter(isObject).flatMap((stage) => {
    const { errors, recoverable_errors: recoverable } = stage;
    const kinds = isObject(recoverable) ? Object.entries(recoverable) : [];
    const serious = kinds.filter(([kind]) => kind !== 'DEPRECATED').map(([, texts]) => texts);
    return [errors, ...serious].flatMap(textsIn);
  });
}

function textsIn(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: unknown) =>
    typeof one === 'string' ? (one.split('\n')[0] ?? []) : [],
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
