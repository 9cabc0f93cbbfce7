import { bytesOf, endsWithSlash, nameOf, shown, within, type PathLike } from './byte-path.js';
import { transferFailed, type Ends } from './failure.js';

/** What is at the target, links followed. */
export type Found = 'folder' | 'file' | 'other' | 'nothing';

/** A target that the user has named. */
export interface Target {
  readonly path: Buffer;
  /** For people: `web:data`. */
  readonly shown: string;
}

/** Where several sources, or one, are copied to. */
export interface TargetPlan {
  /** `into`: each by its own name; `as`: one by the target's. */
  readonly how: 'into' | 'as';
  /** The folder that is made first, with all above it; undefined: none. */
  readonly make: 'target' | 'above' | undefined;
}

/**
 * Decides as cp(1) does where things go: into the target when that is a folder, else by its name.
 * @throws MultipassError TRANSFER_FAILED when the target has to be a folder, and is none
 */
export function planTarget(
  target: Target,
  found: Found,
  { sources, parents }: { readonly sources: number; readonly parents: boolean },
): TargetPlan {
  if (found === 'folder') return { how: 'into', make: undefined };
  const needsFolder = sources > 1 || endsWithSlash(target.path);
  if (!needsFolder)
    return { how: 'as', make: found === 'nothing' && parents ? 'above' : undefined };
  if (found === 'nothing' && parents) return { how: 'into', make: 'target' };
  throw transferFailed(
    { doing: 'write', path: target.shown },
    found === 'nothing' ? 'there is no such folder' : 'it is no folder',
    { hint: 'Name a folder that is there, or have it made with --parents.' },
  );
}

/**
 * Where one source goes.
 * @returns null for what is in the target folder itself: of a source whose name says nothing, such as `.`, it is the
 *   contents that are copied
 */
export function placeOf({ how }: TargetPlan, target: Buffer, source: Buffer): Buffer | null {
  if (how === 'as') return target;
  const name = nameOf(source);
  return name.length === 0 ? null : within(target, name);
}

/** The target, where one is given; else the working directory here, or the home folder there. */
export function targetOf(path: PathLike, instance?: string): Target {
  const bytes = pathOrHere(path);
  return {
    path: bytes,
    shown: instance === undefined ? shown(bytes) : `${instance}:${shown(bytes)}`,
  };
}

/** A path, where '' is the folder that relative paths begin in. */
export function pathOrHere(path: PathLike): Buffer {
  const bytes = bytesOf(path);
  return bytes.length === 0 ? Buffer.from('.') : bytes;
}

/** What went wrong about the target itself. */
export function aboutTarget(target: Target): Ends {
  const about = { doing: 'write', path: target.shown } as const;
  return { guest: about, host: about };
}
