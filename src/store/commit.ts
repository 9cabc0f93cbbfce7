import { rename, rm, writeFile } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError, RecordError, hasCode } from '../errors.js';
import { log } from '../log.js';
import type { StoreLayout } from './layout.js';
import { newToken } from './maker-token.js';
import { readRecordIfAny, recordText } from '../files/record.js';
import { moveToInstances, notDurable, type StagedInstance } from './staging.js';
import { syncPath } from '../files/sync.js';

/** A staged folder, and the name it gets. */
interface Publication {
  readonly token: string;
  readonly name: string;
  /** What an automatic name begins with: when it is taken, the next free number behind this takes its place. */
  readonly stem: string | null;
}

/** A staged instance that is sealed and synced. */
export interface Publishable {
  readonly staged: StagedInstance;
  readonly name: string;
  /** `web-clone` where `name` is automatic: another number will do as well. Null: that name or none. */
  readonly stem: string | null;
}

/** What {@link publishTogether} asks of its caller when somebody was faster. */
export interface PublishTogetherCallbacks {
  /** The `index`-th one is going to have another name: writes what the name goes into, durably. */
  readonly onRename: (index: number, name: string) => Promise<void>;
  /** A given name was taken: takes those back that were visible for a moment. */
  readonly undo: (names: readonly string[]) => Promise<void>;
}

const COMMIT = '.commit';

/**
 * Makes several staged instances visible, all of them or none: their names are written down first, in one durable
 * record, and then there is a rename for each. Killed before the record, none of them is ever seen; after it, the next
 * command that changes the store does the renames that are left.
 *
 * @returns their names
 * @throws MultipassError NAME_TAKEN when somebody took one of the given names at this very moment; NOT_DURABLE,
 *   IO_ERROR, …
 */
export async function publishTogether(
  layout: StoreLayout,
  instances: readonly Publishable[],
  { onRename, undo }: PublishTogetherCallbacks,
): Promise<string[]> {
  let publications = instances.map(({ staged, name, stem }) => ({
    ...{ token: staged.token, name, stem },
  }));
  const record = `${layout.staged(newToken())}${COMMIT}`;
  await writeCommit(layout, record, publications);
  const visible: string[] = [];
  try {
    for (let index = 0; index < publications.length;) {
      const wanted = publications[index];
      if (wanted === undefined) break;
      if (await moveIfFree(layout, wanted)) {
        visible.push(wanted.name);
        index += 1;
        continue;
      }
      const name = nextName(wanted, publications);
      await onRename(index, name);
      publications = publications.with(index, { ...wanted, name });
      await writeCommit(layout, record, publications);
    }
  } catch (error) {
    // Without the record the rest is swept, whatever happens to us from here on.
    await rm(record, { force: true });
    await syncPath(layout.staging);
    await undo(visible);
    throw error;
  }
  try {
    await syncPath(layout.instances);
    await syncPath(layout.staging);
  } catch (error) {
    throw notDurable(`the instances ${visible.join(', ')} are there`, error);
  } finally {
    await rm(record, { force: true });
  }
  return visible;
}

/**
 * Finishes what abandoned commits have left to do. A given name that was taken meanwhile costs its folder alone.
 * @param abandoned entries of the staging folder whose makers were dead by the time it was read: whatever they had
 *   committed to is among them, while a maker that dies later is left to the next sweep
 * @returns the entries that must stay where they are, for they could not be made visible now
 */
export async function rollForward(
  layout: StoreLayout,
  abandoned: readonly string[],
): Promise<ReadonlySet<string>> {
  const unfinished = new Set<string>();
  for (const entry of abandoned.filter((one) => one.endsWith(COMMIT))) {
    const publications = readCommit(layout, entry);
    try {
      for (const publication of publications) await finish(layout, publication, publications);
      await syncPath(layout.instances);
      await syncPath(layout.staging);
      await rm(layout.staged(entry), { force: true });
    } catch (error) {
      log('warning', 'sweep', `cannot finish a commit: ${(error as Error).message}`);
      for (const name of [entry, ...publications.map(({ token }) => token)]) unfinished.add(name);
    }
  }
  return unfinished;
}

async function finish(
  layout: StoreLayout,
  publication: Publication,
  all: readonly Publication[],
): Promise<void> {
  let wanted = publication;
  try {
    // Its seed may have another name in it then; the hostname follows the folder's name at the next start.
    while (!(await moveIfFree(layout, wanted))) wanted = { ...wanted, name: nextName(wanted, all) };
  } catch (error) {
    // Done already, by its maker or by another sweeper.
    if (error instanceof MultipassError && errnoOf(error.cause) === 'ENOENT') return;
    if (!isNameTaken(error)) throw error;
    log('warning', 'sweep', `"${wanted.name}" was taken meanwhile: its copy is removed`);
  }
}

/** False when an automatic name is taken. @throws MultipassError NAME_TAKEN when a given one is */
async function moveIfFree(
  layout: StoreLayout,
  { token, name, stem }: Publication,
): Promise<boolean> {
  try {
    await moveToInstances(layout, token, name);
    return true;
  } catch (error) {
    if (stem === null || !isNameTaken(error)) throw error;
    return false;
  }
}

/** The next number behind the one that is taken: those before it were taken when the names were chosen. */
function nextName({ name, stem }: Publication, all: readonly Publication[]): string {
  const promised = new Set(all.map((other) => other.name));
  for (let number = Number(/[0-9]+$/.exec(name)?.[0] ?? 0) + 1; ; number += 1) {
    const next = `${stem ?? ''}${number}`;
    if (!promised.has(next)) return next;
  }
}

function isNameTaken(error: unknown): boolean {
  return hasCode(error, 'NAME_TAKEN');
}

/** The record appears by a rename, so that it is whole or not there. */
async function writeCommit(
  layout: StoreLayout,
  record: string,
  publications: readonly Publication[],
): Promise<void> {
  const draft = layout.staged(newToken());
  try {
    await writeFile(draft, recordText({ publish: publications }), { mode: 0o600, flag: 'wx' });
    await syncPath(draft);
    await rename(draft, record);
    await syncPath(layout.staging);
  } catch (error) {
    await rm(draft, { force: true });
    throw fromSystemError(error, 'publish', record);
  }
}

/** A record that cannot be read was damaged by the disk, and commits to nothing. */
function readCommit(layout: StoreLayout, entry: string): Publication[] {
  try {
    const place = readRecordIfAny(layout.staged(entry));
    const items = place?.key('publish').items() ?? [];
    return items.map((item) => ({
      token: item.key('token').matching(/^[0-9a-f]+(?:\.[0-9a-f]+)+$/, 'a token'),
      name: item.key('name').matching(/^[A-Za-z][A-Za-z0-9-]{0,62}$/, 'a name'),
      stem: item.key('stem').isAbsent()
        ? null
        : item.key('stem').matching(/^[A-Za-z][A-Za-z0-9-]{0,62}$/, 'the beginning of a name'),
    }));
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    log('warning', 'sweep', `cannot read a commit: ${error.message}`);
    return [];
  }
}
