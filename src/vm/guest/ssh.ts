import { join } from 'node:path';
import { sleep } from '../../abort.js';
import { ExecError, MultipassError, hasCode } from '../../errors.js';
import { run, type RunResult } from '../../process/run.js';
import { runAttached } from '../../process/attach.js';
import { INSTANCE_FILES, type InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { readSshLog, TELLING, withSshLog } from './ssh-log.js';
import { wasTurnedAway, whileTurnedAway } from './turned-away.js';
import { answersSsh, type GuestAddress } from './ssh-banner.js';

/** Who is entered, and where from. */
export interface Guest {
  readonly layout: StoreLayout;
  readonly dir: InstanceDir;
  readonly address: GuestAddress;
  readonly user: string;
  /** Name of the private key in the store. */
  readonly key: string;
}

/** The name under which host keys are known: no address, for those change. */
export const HOST_KEY_ALIAS = 'instance';

/** Exit code of ssh for a failure of its own. */
export const SSH_FAILED = 255;

/**
 * The arguments of the system's OpenSSH for a guest, to be run in the store's root: so no path of the store becomes
 * part of an option, where blanks, `%` and `~` mean something. The host's and the user's own configuration have no
 * say. The host key is learnt at the first contact and checked from then on, under a name that no address changes.
 * @param options `isTelling`: ssh says of itself what {@link readSshLog} reads
 */
export function sshArguments(
  guest: Guest,
  options: readonly string[] = [],
  { isTelling = false }: { readonly isTelling?: boolean } = {},
): string[] {
  const { layout, dir, address, user, key } = guest;
  const folder = layout.relative(dir.path);
  const settings = {
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    PreferredAuthentications: 'publickey',
    PasswordAuthentication: 'no',
    BatchMode: 'yes',
    StrictHostKeyChecking: 'accept-new',
    UserKnownHostsFile: `${folder}/${INSTANCE_FILES.run}/known_hosts`,
    GlobalKnownHostsFile: '/dev/null',
    HostKeyAlias: HOST_KEY_ALIAS,
    CheckHostIP: 'no',
    UpdateHostKeys: 'no',
    ConnectTimeout: '30',
    ServerAliveInterval: '15',
    ServerAliveCountMax: '4',
    LogLevel: 'ERROR',
    ...(isTelling ? TELLING : {}),
  };
  return [
    ...['-F', '/dev/null', '-i', join(layout.relative(layout.keys), key)],
    ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ...['-p', String(address.port), ...options, '--', `${user}@${address.host}`],
  ];
}

/** The words that run it, where the guest is reached: to be run in the store's root. As {@link sshArguments}. */
export function sshWords(...request: Parameters<typeof sshArguments>): [string, ...string[]] {
  const [{ address }] = request;
  const [file = 'ssh', ...more] = [...(address.through ?? []), 'ssh', ...sshArguments(...request)];
  return [file, ...more];
}

/** How a program in a guest is run. */
export interface GuestRunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Exit codes that are an answer, not a failure. Default: 0 alone. */
  readonly okExitCodes?: readonly number[];
  /** Whether it is tried again when the guest turns it away before authentication. Default: true. */
  readonly persistent?: boolean;
  /** What the command reads from its stdin. Default: nothing. */
  readonly input?: string | undefined;
}

/**
 * Runs a shell command in a guest, without a terminal, and waits for its end. When too many come at once, and
 * the guest turns it away, it comes again.
 * @throws MultipassError SSH_FAILED, HOST_KEY_CHANGED when the guest cannot be entered; ABORTED; ExecError when the
 *   command itself failed
 */
export async function runInGuest(
  guest: Guest,
  command: string,
  options: GuestRunOptions = {},
): Promise<{ stdout: string; exitCode: number }> {
  const { signal, okExitCodes = [0], persistent = true, input } = options;
  const ended = await withSshLog(async (log) => {
    const flags = [...(input === undefined ? ['-T', '-n'] : ['-T']), ...log.words];
    const [file, ...words] = sshWords(guest, flags, { isTelling: true });
    return await whileTurnedAway<RunResult | ExecError>(
      async () => {
        try {
          const all = [...words, command];
          const options = { called: 'ssh', cwd: guest.layout.root, signal, okExitCodes, input };
          const result = await run(file, all, options);
          return { turnedAway: false, result };
        } catch (error) {
          if (!(error instanceof ExecError) || error.exitCode !== SSH_FAILED) throw error;
          const text = await log.take();
          const turnedAway = persistent && wasTurnedAway(text);
          return { turnedAway, result: withComplaints(error, text) };
        }
      },
      { signal },
    );
  });
  if (ended instanceof ExecError) throw sshFailure(guest, ended);
  return ended;
}

/**
 * Runs a shell command in a guest on this process's own stdin, stdout and stderr; without one, a login shell. When too
 * many come at once, and the guest turns it away, it comes again.
 * @param options `tell` gets what ssh says of itself, in lines, once it has ended
 * @returns the command's exit code; 255 when ssh failed
 * @throws MultipassError TOOL_MISSING; ABORTED
 */
export async function enterGuest(
  guest: Guest,
  options: {
    command: string | null;
    terminal: boolean;
    tell: (text: string) => void;
    signal?: AbortSignal | undefined;
  },
): Promise<number> {
  const { command, terminal, tell, signal } = options;
  return await withSshLog(async (log) => {
    const flags = [...log.words, terminal ? '-tt' : '-T'];
    const [file, ...words] = sshWords(guest, flags, { isTelling: true });
    const all = [...words, ...(command === null ? [] : [command])];
    const { exitCode, complaints } = await whileTurnedAway(
      async () => {
        const code = await runAttached(file, all, { cwd: guest.layout.root, signal });
        const text = await log.take();
        const result = { exitCode: code, complaints: readSshLog(text).complaints };
        return { turnedAway: code === SSH_FAILED && wasTurnedAway(text), result };
      },
      { signal },
    );
    if (complaints !== '') tell(`${complaints}\n`);
    return exitCode;
  });
}

/** How long one try to enter may take: a guest that hangs in the middle of a boot must not hold us. */
const ATTEMPT_MS = 30_000;
const PAUSE_MS = 500;

/**
 * Tries to enter a guest again and again until it lets us in.
 * @param requireAlive called before each try; throws to give up
 * @throws MultipassError HOST_KEY_CHANGED at once; ABORTED; what `requireAlive` throws
 */
export async function waitForSsh(
  guest: () => Promise<Guest | undefined>,
  options: { signal: AbortSignal; requireAlive: () => void },
): Promise<Guest> {
  const { signal, requireAlive } = options;
  for (;;) {
    requireAlive();
    const found = await guest();
    if (found !== undefined && (await letsUsIn(found, signal))) return found;
    await sleep(PAUSE_MS, signal);
  }
}

async function letsUsIn(guest: Guest, signal: AbortSignal): Promise<boolean> {
  if (!(await answersSsh(guest.address))) return false;
  const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]);
  try {
    await runInGuest(guest, 'true', { signal: attempt, persistent: false });
    return true;
  } catch (error) {
    if (!(error instanceof MultipassError) || signal.aborted) throw error;
    if (hasCode(error, 'HOST_KEY_CHANGED', 'TOOL_MISSING')) throw error;
    return false;
  }
}

/** What ssh said of itself is what it had to say at last, whatever the command has written. */
function withComplaints(error: ExecError, log: string): ExecError {
  const { complaints } = readSshLog(log);
  if (complaints === '') return error;
  const stderr = error.stderr === '' ? complaints : `${error.stderr}\n${complaints}`;
  const { message, exitCode, hint = '', cause } = error;
  return new ExecError(message, { exitCode, stderr }, { hint, cause });
}

/** One argument of a shell command, whatever is in it. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * What a failure of ssh itself means.
 * @returns HOST_KEY_CHANGED, or SSH_FAILED with ssh's last words
 */
export function sshFailure({ dir }: Guest, error: ExecError): MultipassError {
  if (/HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(error.stderr)) {
    return new MultipassError(
      'HOST_KEY_CHANGED',
      `the ssh host key of "${dir.name}" is not the one it had before`,
      {
        hint: `Remove "${dir.knownHosts}" if you changed the key in the instance; else something answers in its place.`,
        details: { name: dir.name, path: dir.knownHosts },
        cause: error,
      },
    );
  }
  const last = error.stderr.split('\n').at(-1) ?? '';
  const why = last === '' ? 'it closed the connection' : last;
  return new MultipassError('SSH_FAILED', `cannot enter "${dir.name}" by ssh: ${why}`, {
    hint: 'Try again in a moment: it may still be starting, or shutting down.',
    details: { name: dir.name },
    cause: error,
  });
}
