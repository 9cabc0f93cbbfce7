import type { Options } from 'execa';
import { sleep, throwIfAborted } from '../abort.js';
import { errnoOf, ExecError, MultipassError } from '../errors.js';
import { log } from '../log.js';

/** How one program is run. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string | undefined;
  /** Exit codes that are an answer, not a failure. Default: 0 alone. */
  readonly okExitCodes?: readonly number[];
  /** An open file descriptor that the program gets as its fd 3. */
  readonly fd3?: number | undefined;
  /** Called with each piece of stdout as it comes, for progress. */
  readonly onStdout?: ((chunk: string) => void) | undefined;
}

/** What a program left behind. */
export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What to install for a program that is not there. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  'qemu-img': 'qemu-utils (Debian, Ubuntu) or qemu-img (Fedora)',
  flock: 'util-linux',
  cp: 'coreutils',
  xz: 'xz-utils (Debian, Ubuntu) or xz',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
};

/**
 * Runs a program to its end: arguments as an array, never a shell, `LC_ALL=C`, no stdin.
 * When the signal fires, the program gets SIGTERM, and SIGKILL 5 s later.
 *
 * @throws MultipassError TOOL_MISSING when there is no such program; ABORTED when the signal fired;
 *   ExecError (TOOL_FAILED) for any exit code not among `okExitCodes`.
 */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { signal, okExitCodes = [0] } = options;
  throwIfAborted(signal);
  const { execa } = await import('execa');
  log('debug', 'exec', [file, ...args].join(' '));
  const settings: Options = {
    // Execa takes a number for a fourth descriptor, but its types know that of the first three only.
    stdio: ['ignore', 'pipe', 'pipe', ...(options.fd3 === undefined ? [] : [options.fd3 as never])],
    env: { LC_ALL: 'C' },
    reject: false,
    forceKillAfterDelay: 5000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  };
  const child = execa(file, args, settings);
  if (options.onStdout !== undefined) {
    const onStdout = options.onStdout;
    child.stdout?.on('data', (chunk: Buffer | string) => onStdout(chunk.toString()));
  }
  const result = await child;
  throwIfAborted(signal);
  // Ctrl-C goes to the program and to us, and may arrive there first.
  if (result.signal !== undefined) await sleep(100, signal);
  if (result.exitCode !== undefined && okExitCodes.includes(result.exitCode)) {
    return {
      exitCode: result.exitCode,
      stdout: textOf(result.stdout),
      stderr: textOf(result.stderr),
    };
  }
  throw failure(file, result);
}

function textOf(output: unknown): string {
  return typeof output === 'string' ? output : '';
}

function failure(
  file: string,
  result: {
    exitCode?: number | undefined;
    signal?: string | undefined;
    stderr?: unknown;
    originalMessage?: string | undefined;
    cause?: unknown;
    code?: string | undefined;
  },
): MultipassError {
  const errno = errnoOf(result.cause) ?? result.code;
  if (errno === 'ENOENT' && result.originalMessage?.includes(`spawn ${file} `) === true) {
    return new MultipassError('TOOL_MISSING', `the program "${file}" is not installed`, {
      hint: `Install ${PACKAGE_OF[file] ?? `the package that has ${file}`}.`,
      cause: result.cause,
      details: { program: file },
    });
  }
  const stderr = typeof result.stderr === 'string' ? result.stderr.trim() : '';
  if (stderr.includes('No space left on device')) {
    return new MultipassError('DISK_FULL', `no space left for ${file} to work`, {
      hint: 'Free some space, for example with `multipass purge`, then try again.',
      details: { program: file, stderr },
    });
  }
  const how =
    result.exitCode === undefined
      ? (result.signal ?? result.originalMessage ?? 'unknown')
      : `exit code ${result.exitCode}`;
  return new ExecError(
    `${file} failed (${how})${stderr === '' ? '' : `: ${stderr.split('\n').at(-1) ?? ''}`}`,
    { exitCode: result.exitCode, stderr },
    { hint: `Look at what ${file} says, mend that, then try again.`, cause: result.cause },
  );
}
