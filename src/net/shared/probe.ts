import { accessSync, constants } from 'node:fs';
import { errnoOf, ExecError, MultipassError } from '../../errors.js';
import { findProgram, packageOf } from '../../process/programs.js';
import { run } from '../../process/run.js';
import { networkProgram } from '../bridge/network-tool.js';
import { makersHere, makerWords, type Maker } from './makers.js';

const TUN = '/dev/net/tun';
const NEEDED = ['unshare', 'nsenter', 'flock', 'ip', 'nft', 'dnsmasq', 'slirp4netns'];

/** Why there can be no shared network here, and what to do about it. */
export interface SharedProblem {
  /** A clause: `the program "slirp4netns" is not installed`. */
  readonly why: string;
  /** A sentence, or several. */
  readonly hint: string;
}

/**
 * What makes namespaces for a network that instances share; or why this host cannot have one. Tried out, never
 * guessed: some distributions let anybody make a user namespace, and permit nothing in it.
 */
export async function findMaker(signal?: AbortSignal): Promise<Maker | SharedProblem> {
  if (process.platform !== 'linux') return { why: 'this host is not Linux', hint: '' };
  const missing = NEEDED.find((name) => findProgram(networkProgram(name)) === undefined);
  if (missing !== undefined) {
    return {
      why: `the program "${missing}" is not installed`,
      hint: `Install ${packageOf(missing)}.`,
    };
  }
  const noTun = tunProblem();
  if (noTun !== undefined) return noTun;
  let problem: SharedProblem | undefined;
  for (const maker of makersHere()) {
    const found = await namespaceProblem(maker, signal);
    if (found === undefined) return maker;
    problem ??= found;
  }
  return problem ?? { why: 'no program makes namespaces here', hint: '' };
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

async function namespaceProblem(
  maker: Maker,
  signal?: AbortSignal,
): Promise<SharedProblem | undefined> {
  const [file, ...words] = [...makerWords(maker), networkProgram('ip')] as const;
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
