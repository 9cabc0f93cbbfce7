import { usageError } from './failures.js';
import { parsePlace } from './parse.js';

/*
 * What the arguments of `transfer` mean.
 */

/** A path in an instance. */
export interface InstancePath {
  readonly name: string;
  /** '' is the home folder. */
  readonly path: string;
}

/** What is copied, and where. */
export type TransferPlan =
  | { readonly way: 'up'; readonly sources: readonly string[]; readonly target: InstancePath }
  | { readonly way: 'down'; readonly sources: readonly InstancePath[]; readonly target: string }
  | { readonly way: 'from-stdin'; readonly target: InstancePath }
  | { readonly way: 'to-stdout'; readonly source: InstancePath };

const STREAM = '-';

/** @throws MultipassError USAGE, with Multipass's texts where it has one, for what cannot be meant */
export function planTransfer(args: readonly string[]): TransferPlan {
  const sources = args.slice(0, -1);
  const target = args.at(-1);
  if (target === undefined || sources.length === 0) throw usageError('Not enough arguments given');
  if (args.filter((one) => one === STREAM).length > 1) throw usageError("Only one '-' allowed");
  const to = instancePath(target);
  const from = sources.map(instancePath);
  if (to === null && from.every((one) => one === null)) {
    throw usageError('An instance name is needed for either source or destination');
  }
  if (sources.length > 1 && args.includes(STREAM)) {
    throw usageError("Only one source is allowed with '-'");
  }
  if (to !== null) {
    if (from.some((one) => one !== null)) {
      throw usageError(
        'An instance name is allowed for either source or destination, not for both',
      );
    }
    return sources[0] === STREAM
      ? { way: 'from-stdin', target: to }
      : { way: 'up', sources, target: to };
  }
  const paths = from.flatMap((one) => one ?? []);
  const [source] = paths;
  if (source === undefined || paths.length < sources.length) {
    const at = from.indexOf(null);
    throw usageError(`An instance name is needed for the source '${sources[at] ?? ''}'`);
  }
  return target === STREAM ? { way: 'to-stdout', source } : { way: 'down', sources: paths, target };
}

/** As in scp(1), a slash before the first colon makes a path one of this host: `./a:b`. */
function instancePath(text: string): InstancePath | null {
  const { of: name, path } = parsePlace(text);
  return path === undefined || name === '' || name.includes('/') ? null : { name, path };
}
