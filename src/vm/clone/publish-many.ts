import { throwIfAborted } from '../../abort.js';
import { run } from '../../process/run.js';
import { MultipassError, hasCode } from '../../errors.js';
import { publishTogether } from '../../store/commit.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { syncPath, syncTree } from '../../files/sync.js';
import { trashInstance } from '../../store/trash.js';
import { rowsOfFolder } from '../macs.js';
import { cloneNameStem, firstFreeCloneNames, requireDestinationName } from '../names.js';
import { lockExclusively } from '../open.js';
import type { CloneManyRequest } from './clone-request.js';
import type { StagedClone } from './stage-clone.js';

/** What a name pattern has in the place of the number. */
const NUMBER = '{n}';
/** More than anybody's machine runs; each takes a folder, and a name is at most 63 characters. */
const MOST_CLONES = 10_000;

/** Staged clones and the names they get. */
export interface PublishManyRequest {
  readonly layout: StoreLayout;
  readonly clones: readonly StagedClone[];
  /** The given names; undefined: the next free one. */
  readonly names: readonly (string | undefined)[];
  /** Name of the source. */
  readonly source: string;
  /** Heeded until the commit. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The names that several clones are asked to have; undefined for each without a pattern.
 * @throws MultipassError INVALID_ARGUMENT for a bad count, or a pattern without `{n}`; INVALID_NAME
 */
export function namesOfMany({ count, pattern }: CloneManyRequest): (string | undefined)[] {
  if (!Number.isSafeInteger(count) || count < 1 || count > MOST_CLONES) {
    throw new MultipassError('INVALID_ARGUMENT', `invalid number of clones: ${count}`, {
      hint: `Ask for 1 to ${MOST_CLONES}.`,
    });
  }
  if (pattern !== undefined && count > 1 && !pattern.includes(NUMBER)) {
    throw new MultipassError('INVALID_ARGUMENT', `the name "${pattern}" has no {n} in it`, {
      hint: "Several clones need several names: for example --name 'node-{n}'.",
    });
  }
  const names = Array.from({ length: count }, (_, index) =>
    pattern?.replaceAll(NUMBER, String(index + 1)),
  );
  for (const name of names) if (name !== undefined) requireDestinationName(name);
  return names;
}

/**
 * Publishes several staged clones: all or none. A given name that is taken fails them; an automatic one takes the next
 * free number.
 * @throws MultipassError NAME_TAKEN, INVALID_NAME, NOT_DURABLE, DISK_FULL, …
 */
export async function publishMany(
  request: PublishManyRequest,
): Promise<{ clone: StagedClone; name: string }[]> {
  const { layout, clones, source, signal } = request;
  const free = firstFreeCloneNames(source, new Set(instanceEntryNames(layout)));
  const named = clones.map((clone, index) => {
    const given = request.names[index];
    const name = given ?? free.next().value;
    requireDestinationName(name);
    return { clone, name, stem: given === undefined ? cloneNameStem(source) : null };
  });
  for (const { clone, name } of named) {
    await clone.writeSeed(name);
    await clone.staged.seal();
  }
  await syncAll(layout, clones, signal);
  throwIfAborted(signal);
  const publishable = named.map(({ clone: { staged }, name, stem }) => ({ staged, name, stem }));
  const names = await publishTogether(layout, publishable, {
    onRename: async (index, name) => {
      requireDestinationName(name);
      const clone = clones[index];
      await clone?.writeSeed(name);
      if (clone !== undefined) await syncPath(clone.staged.seed);
    },
    undo: (visible) => takeBack(layout, visible),
  });
  return named.map(({ clone, name }, index) => ({ clone, name: names[index] ?? name }));
}

/** One call for the whole file system, where there is one, is cheaper than one for each of many small files. */
async function syncAll(
  layout: StoreLayout,
  clones: readonly StagedClone[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await run('sync', ['--file-system', layout.staging], { signal });
  } catch (error) {
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    for (const { staged } of clones) await syncTree(staged.path);
    await syncPath(layout.macs);
  }
}

/** They were visible for a moment: one that somebody has begun to use by now is theirs. */
async function takeBack(layout: StoreLayout, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await using lock = await lockExclusively(layout, name, 'clone');
      lock.assertHeld();
      await trashInstance(layout, name, rowsOfFolder);
    } catch (error) {
      if (!(error instanceof MultipassError)) throw error;
    }
  }
}
