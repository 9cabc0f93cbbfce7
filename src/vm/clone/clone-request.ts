import type { StoreLayout } from '../../store/layout.js';
import type { WorkOptions } from '../open.js';

/** What is going on in a clone; a fraction is there only for work that takes long. */
export interface CloneProgress {
  readonly phase: 'copying' | 'publishing';
  /** 0 to 1. */
  readonly fraction?: number;
}

/** What a clone has otherwise than its source. */
export interface CloneOverrides {
  readonly cpus?: number | undefined;
  /** Bytes; at least 512 MiB. */
  readonly memory?: number | undefined;
  /** Bytes; at least what the source has. The guest's file system grows at its first boot. */
  readonly disk?: number | undefined;
  /** True: none of the source's mounts. */
  readonly noMounts?: boolean | undefined;
}

/** How a clone is made. */
export interface CloneChoices {
  /** Name of the snapshot to clone; without one, the active state. */
  readonly snapshot?: string | undefined;
  /** True: the disk is not copied; source and clone stand on what both had until now. */
  readonly linked?: boolean | undefined;
  /** True: of a suspended source the disk is cloned, as after a power cut, and its memory is left behind. */
  readonly cold?: boolean | undefined;
  readonly overrides?: CloneOverrides | undefined;
  /** True: nothing is written; the report tells what would be. */
  readonly dryRun?: boolean | undefined;
  readonly onProgress?: ((progress: CloneProgress) => void) | undefined;
}

/** Which instance is to be cloned. */
export interface SourceRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly source: string;
}

/** What to clone, and how. */
export interface CloneRequest extends SourceRequest, CloneChoices {
  /** The clone's name; without one the first free `<source>-cloneN`. */
  readonly name?: string | undefined;
}

/** Several clones at once: all of them or none. */
export interface CloneManyRequest extends SourceRequest, CloneChoices {
  /** How many; at least 1. */
  readonly count: number;
  /** Their names, where `{n}` stands for 1 to `count`; without one the next free `<source>-cloneN`. */
  readonly pattern?: string | undefined;
}
