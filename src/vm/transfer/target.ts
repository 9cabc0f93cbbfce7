import { bytesOf, endsWithSlash, nameOf, shown, within, type PathLike } from './byte-path.js';
import { transferFailed, type Ends } from './failure.js';

/** What is at the target, links followed. */
export type Found = 'folder' | 'file' | 'other' | 'nothing';

/** Where several sources, or one, are copied to. */
export interface TargetPlan {
  /** `into`: each by its own name; `as`: one by the target's. */
  readonly how: 'into' | 'as';
  /** The folder that is made first, with all above it; undefined: none. */
  readonly make: 'target' | 'above' | undefined;
}

/** A target that the user has named. */
export class Target {
  readonly path: Buffer;
  /** For people: `web:data`. */
  readonly shown: string;

  /**
   * @param path '' is the working directory here, or the home folder there
   * @param instance where it is; without it, on this host
   */
  constructor(path: PathLike, instance?: string) {
    this.path = pathOrHere(path);
    const own = shown(this.path);
    this.shown = instance === undefined ? own : `${instance}:${own}`;
  }

  /** What an error about the target itself is about. */
  get ends(): Ends {
    const about = { doing: 'write', path: this.shown } as const;
    return { guest: about, host: about };
  }

  /**
   * Decides as cp(1) does where things go: into the target when that is a folder, else by its name.
   * @throws MultipassError TRANSFER_FAILED when the target has to be a folder, and is none
   */
  plan(
    found: Found,
    { sources, parents }: { readonly sources: number; readonly parents: boolean },
  ): TargetPlan {
    if (found === 'folder') return { how: 'into', make: undefined };
    const needsFolder = sources > 1 || endsWithSlash(this.path);
    if (!needsFolder) {
      return { how: 'as', make: found === 'nothing' && parents ? 'above' : undefined };
    }
    if (found === 'nothing' && parents) return { how: 'into', make: 'target' };
    throw transferFailed(
      this.ends.host,
      found === 'nothing' ? 'there is no such folder' : 'it is no folder',
      { hint: 'Name a folder that is there, or have it made with --parents.' },
    );
  }

  /**
   * Where one source goes.
   * @returns null for what is in the target folder itself: of a source whose name says nothing, such as `.`, it is the
   *   contents that are copied
   */
  placeOf({ how }: TargetPlan, source: Buffer): Buffer | null {
    if (how === 'as') return this.path;
    const name = nameOf(source);
    return name.length === 0 ? null : within(this.path, name);
  }
}

/** A path, where '' is the folder that relative paths begin in. */
export function pathOrHere(path: PathLike): Buffer {
  const bytes = bytesOf(path);
  return bytes.length === 0 ? Buffer.from('.') : bytes;
}
