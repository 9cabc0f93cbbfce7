import { lstat, readdir } from 'node:fs/promises';
import { MultipassError, hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { isBeingPrepared, nameTaken, type StagedInstance } from '../../store/staging.js';
import { firstFreeCloneName, requireDestinationName } from '../names.js';

/** A staged clone that is ready but for its name. */
export interface PublishRequest {
  readonly layout: StoreLayout;
  readonly staged: StagedInstance;
  readonly sourceName: string;
  /** The given name; undefined: the first free one. */
  readonly name: string | undefined;
  /** Writes what the name goes into: the seed. */
  readonly writeSeed: (name: string) => Promise<void>;
}

/**
 * Publishes a clone under its name. A given one that is taken fails; an automatic one takes the next free number,
 * and only the seed is written again: the disk is copied once.
 * @returns the name
 */
export async function publishClone(request: PublishRequest): Promise<string> {
  const { layout, staged, sourceName, name, writeSeed } = request;
  for (;;) {
    const wanted = name ?? firstFreeCloneName(sourceName, new Set(instanceEntryNames(layout)));
    requireDestinationName(wanted);
    await writeSeed(wanted);
    try {
      await staged.publish(wanted);
      return wanted;
    } catch (error) {
      if (name !== undefined || !isNameTaken(error)) throw error;
    }
  }
}

/**
 * The polite check at the beginning; publishing is what decides.
 * @throws MultipassError INVALID_NAME, NAME_TAKEN, NAME_IN_PREPARATION with Multipass's texts
 */
export async function requireNameIsFree(layout: StoreLayout, name: string): Promise<void> {
  requireDestinationName(name);
  if (await isTaken(layout.instance(name).path)) throw nameTaken(name);
  if (await isBeingPrepared(layout, name)) {
    throw new MultipassError('NAME_IN_PREPARATION', `instance "${name}" is being prepared`, {
      hint: 'Another command is making it: wait for that, or choose another name.',
      details: { name },
    });
  }
}

/** Anything at all is in the way, except an empty folder, which a rename replaces. */
async function isTaken(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isDirectory() !== true) return stats !== undefined;
  return (await readdir(path)).length > 0;
}

function isNameTaken(error: unknown): boolean {
  return hasCode(error, 'NAME_TAKEN');
}
