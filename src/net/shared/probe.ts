import { accessSync, constants } from 'node:fs';
import { geteuid } from 'node:process';
import { errnoOf, ExecError, MultipassError } from '../../errors.js';
import { findProgram, packageOf } from '../../process/programs.js';
import { run } from '../../process/run.js';
import { networkProgram } from '../bridge/network-tool.js';

const TUN = '/dev/net/tun';
const NEEDED = ['unshare', 'nsenter', 'flock', 'ip', 'nft', 'dnsmasq', 'slirp4netns'];

/** The words that run a program in namespaces of its own, where it is root and has no network yet. */
export function makerWords(): [string, ...string[]] {
  return geteuid?.() === 0
    ? ['unshare', '--net', '--']
    : ['unshare', '--user', '--map-root-user', '--net', '--'];
}

/** Why there can be no shared network here, and what to do about it. */
export interface SharedProblem {
  /** A clause: `the program "slirp4netns" is not installed`. */
  readonly why: string;
  /** A sentence, or several. */
  readonly hint: string;
}

/**
 * Why this host cannot have a network that instances share; undefined when it can. Tried out, never guessed: some
 * distributions let anybody make a user namespace, and permit nothing in it.
 */
export async function sharedProblem(signal?: AbortSignal): Promise<SharedProblem | undefined> {
  if (process.platform !== 'linux') return { why: 'this host is not Linux', hint: '' };
  const missing = NEEDED.find((name) => findProgram(networkProgram(name)) === undefined);
  if (missing !== undefined) {
    return {
      why: `the program "${missing}" is not installed`,
      hint: `Install ${packageOf(missing)}.`,
    };
  }
  return tunProblem() ?? (await namespaceProblem(signal));
}

/** Both QEMU's taps and the way out are made of it. */
function tunProblem(): SharedProblem | undefined {
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const why = `"${TUN}" cannot be opened (${errnoOf(error) ?? 'unknown'})`;
    return {
      why,
      hint: 'Load the module (`sudo modprobe tun`), and let users open it (mode 0666).',
    };
  }
}

async function namespaceProblem(signal?: AbortSignal): Promise<SharedProblem | undefined> {
  const [file, ...words] = [...makerWords(), networkProgram('ip')] as const;
  try {
    await run(file, [...words, 'link', 'add', 'name', 'probe', 'type', 'bridge'], { signal });
    return undefined;
  } catch (error) {
    if (!(error instanceof MultipassError) || error.code === 'ABORTED') throw error;
    const said = error instanceof ExecError ? (error.stderr.split('\n')[0] ?? '') : error.message;
    return {
      why: `a user may not make networks of its own here${said === '' ? '' : ` (${said})`}`,
      hint: 'Permit it once, as root: `sudo multipass network setup` says what that does before it does it.',
    };
  }
}
