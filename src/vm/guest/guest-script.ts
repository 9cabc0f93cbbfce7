import { MultipassError } from '../../errors.js';
import { shellWord } from './ssh.js';

/** What is run in a guest, and how. */
export interface GuestCommand {
  /** A program and its arguments, each reaching it as it is; no shell takes a look at them. */
  readonly argv: readonly string[];
  /** The folder it is run in; a relative one is meant from the user's home folder. Default: the home folder. */
  readonly cwd?: string | undefined;
  /** Variables on top of what the guest gives its users. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Another user of the guest than its default one, which must be allowed to become that one without a password. */
  readonly user?: string | undefined;
}

/** What the script says before the program runs, or why it does not. */
export type Announcement =
  { readonly pid: number } | { readonly problem: 'no such folder' | 'no such program' };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

/**
 * A line for the user's login shell, whatever that is. It announces the program's process on stdout, in a line that
 * begins with the token, runs it on the session's own stdin, stdout and stderr, and ends as it does: with 128 and the
 * signal's number where a signal ended it.
 * @throws MultipassError INVALID_ARGUMENT for a command, variable or user that can be none
 */
export function guestScript({ argv, cwd, env = {}, user }: GuestCommand, token: string): string {
  const [program] = argv;
  if (program === undefined || program === '') throw invalid('There is no program to run.');
  const variables = Object.entries(env).map(([name, value]) => {
    if (!NAME.test(name)) throw invalid(`${JSON.stringify(name)} is no name of a variable.`);
    return `export ${name}=${shellWord(value)}`;
  });
  const all = [...argv, ...Object.values(env), cwd ?? ''];
  if (all.some((word) => word.includes('\0'))) throw invalid('Nothing in it may hold a NUL byte.');
  const script = [
    ...(cwd === undefined
      ? []
      : [`cd -- ${shellWord(cwd)} 2>/dev/null || { echo ${token} folder; exit 126; }`]),
    ...variables,
    `command -v -- ${shellWord(program)} >/dev/null 2>&1 || { echo ${token} program; exit 127; }`,
    // A shell gives what it runs beside itself no stdin, unless it is told to.
    'exec 3<&0',
    `/bin/sh -c ${shellWord(`echo "${token} $$"; exec "$@"`)} sh ${argv.map(shellWord).join(' ')} <&3 3<&- &`,
    // From here on it has nothing to say: some shells would tell of the signal that has ended the program.
    'exec 3<&- 2>/dev/null',
    'wait $!',
  ].join('\n');
  const own = `exec /bin/sh -c ${shellWord(script)}`;
  return user === undefined ? own : asUser(user, script);
}

/** Root may become anybody by su, too, where there is no sudo. */
function asUser(user: string, script: string): string {
  if (!USER.test(user)) throw invalid(`${JSON.stringify(user)} is no name of a user.`);
  const word = shellWord(script);
  const either = [
    'if command -v sudo >/dev/null 2>&1',
    `then exec sudo -n -u ${user} -- /bin/sh -c ${word}`,
    `else exec su -s /bin/sh ${user} -c ${word}`,
    'fi',
  ].join('\n');
  return `exec /bin/sh -c ${shellWord(either)}`;
}

/** Sends a signal to a process that was announced. */
export function killScript(pid: number, signal: NodeJS.Signals, user?: string): string {
  const kill = `kill -s ${signal.replace(/^SIG/, '')} ${pid}`;
  return user === undefined
    ? kill
    : `if command -v sudo >/dev/null 2>&1; then sudo -n ${kill}; else ${kill}; fi`;
}

/** Reads the line that {@link guestScript} announces with; undefined for any other. */
export function readAnnouncement(line: string, token: string): Announcement | undefined {
  if (!line.startsWith(`${token} `)) return undefined;
  const what = line.slice(token.length + 1).trim();
  if (what === 'folder') return { problem: 'no such folder' };
  if (what === 'program') return { problem: 'no such program' };
  return /^\d+$/.test(what) ? { pid: Number(what) } : undefined;
}

function invalid(why: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', 'the command for the instance cannot be run', {
    hint: why,
  });
}
