import { parseJson } from '../../files/json.js';
import { ExecError, MultipassError, hasCode } from '../../errors.js';
import { findProgram, packageOf } from '../../process/programs.js';
import { run, type RunOptions, type RunResult } from '../../process/run.js';
import type { NetPlace } from '../net-place.js';

/** Where an ordinary user's PATH does not lead; root's does. */
const SYSTEM_FOLDERS = process.geteuid?.() === 0 ? [] : ['/usr/sbin', '/sbin'];

/** What to do when there can be no bridge here. */
const USE_USER_MODE =
  'Or use no bridge (`multipass set local.network=user`), which needs no privileges.';

/**
 * Runs one of the programs that a network is set up with.
 * @param doing what it is run for, as in "cannot …"
 * @throws MultipassError NETWORK_UNAVAILABLE when it is missing or not permitted, NETWORK_FAILED when it fails for
 *   another reason, ABORTED
 */
export async function networkTool(
  file: string,
  args: readonly string[],
  doing: string,
  { through = [], ...options }: RunOptions & NetPlace = {},
): Promise<RunResult> {
  try {
    const [first = file, ...words] = [...through, networkProgram(file), ...args];
    return await run(first, words, { ...options, called: file });
  } catch (error) {
    throw meaningOf(error, file, doing);
  }
}

/** The path of a program that sets up networks; its name where it is not to be found. */
export function networkProgram(name: string): string {
  return findProgram(name, SYSTEM_FOLDERS) ?? name;
}

/** The objects that `ip -json` prints. */
export async function ipJson(
  args: readonly string[],
  doing: string,
  options: RunOptions & NetPlace = {},
): Promise<Readonly<Record<string, unknown>>[]> {
  const { stdout } = await networkTool('ip', ['-json', ...args], doing, options);
  const objects: unknown = stdout.trim() === '' ? [] : parseJson(stdout);
  return Array.isArray(objects) ? objects.filter(isNamed) : [];
}

/** Some versions print `{}` in place of what a filter left out. */
function isNamed(object: unknown): object is Readonly<Record<string, unknown>> {
  return typeof object === 'object' && object !== null && 'ifname' in object;
}

function meaningOf(error: unknown, file: string, doing: string): unknown {
  if (!(error instanceof MultipassError)) return error;
  const context = { cause: error, details: { ...error.details, program: file } };
  if (hasCode(error, 'TOOL_MISSING')) {
    return new MultipassError(
      'NETWORK_UNAVAILABLE',
      `cannot ${doing}: the program "${file}" is not installed`,
      { ...context, hint: `Install ${packageOf(file)}. ${USE_USER_MODE}` },
    );
  }
  if (!(error instanceof ExecError)) return error;
  if (/operation not permitted|permission denied/i.test(error.stderr)) {
    return new MultipassError('NETWORK_UNAVAILABLE', `not permitted to ${doing}`, {
      ...context,
      hint: `Run as root, with CAP_NET_ADMIN in a container. ${USE_USER_MODE}`,
    });
  }
  const reason = error.stderr.trim().split('\n')[0] ?? '';
  return new MultipassError(
    'NETWORK_FAILED',
    `cannot ${doing}${reason === '' ? '' : `: ${reason}`}`,
    { ...context, hint: `Look at the network of this host, then try again. ${USE_USER_MODE}` },
  );
}

/** @throws MultipassError NETWORK_UNAVAILABLE when we are not root */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new MultipassError('NETWORK_UNAVAILABLE', 'a bridge can be set up by root only', {
    hint: `Run as root. ${USE_USER_MODE}`,
  });
}
