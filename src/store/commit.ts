import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError } from '../errors.js';
import { log } from '../log.js';
import type { StoreLayout } from './layout.js';
import { makerState, newToken } from './maker-token.js';
import { readRecordIfAny } from './read-file.js';
import { moveToInstances, notDurable, type StagedInstance } from './staging.js';
import { syncPath } from './sync.js';
import { recordText } from './write-record.js';

/** A staged folder and the name it gets. */
interface Publication {
  readonly token: string;
  readonly name: string;
}

const COMMIT = /\.commit$/;

/**
 * Makes several staged instances visible, all of them or none: their names are written down first, in one durable
 * record, and then there is a rename for each. Killed before the record, none of them is ever seen; after it, the next
 * command that changes the store does the renames that are left. All folders are sealed and synced.
 *
 * @throws MultipassError NAME_TAKEN when somebody took one of the names at this very moment: `undo` is called with those
 *   that were visible already, to take them back; NOT_DURABLE, IO_ERROR, …
 */
export async function publishTogether(
  layout: StoreLayout,
  instances: readonly { readonly staged: StagedInstance; readonly name: string }[],
  undo: (names: readonly string[]) => Promise<void>,
): Promise<void> {
  const publications = instances.map(({ staged, name }) => ({ token: staged.token, name }));
  const record = await writeCommit(layout, publications);
  const visible: string[] = [];
  try {
    for (const { token, name } of publications) {
      await moveToInstances(layout, token, name);
      visible.push(name);
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
}

/** Finishes what dead processes had committed to. A name that was taken meanwhile costs its folder alone. */
export async function rollForward(layout: StoreLayout): Promise<void> {
  const entries = await readdir(layout.staging).catch((): string[] => []);
  for (const entry of entries.filter((one) => COMMIT.test(one))) {
    if (makerState(entry) !== 'dead') continue;
    const record = layout.staged(entry);
    for (const { token, name } of readCommit(record)) await finish(layout, { token, name });
    await syncPath(layout.instances);
    await syncPath(layout.staging);
    await rm(record, { force: true });
  }
}

async function finish(layout: StoreLayout, { token, name }: Publication): Promise<void> {
  try {
    await moveToInstances(layout, token, name);
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    // Done already, by its maker or by another sweeper.
    if (errnoOf(error.cause) === 'ENOENT') return;
    if (error.code !== 'NAME_TAKEN') throw error;
    log('warning', 'sweep', `"${name}" was taken meanwhile: its copy is removed`);
  }
}

/** The record appears by a rename, so that it is whole or not there. */
async function writeCommit(
  layout: StoreLayout,
  publications: readonly Publication[],
): Promise<string> {
  const draft = layout.staged(newToken());
  const record = `${layout.staged(newToken())}.commit`;
  try {
    await writeFile(draft, recordText({ publish: publications }), { mode: 0o600, flag: 'wx' });
    await syncPath(draft);
    await rename(draft, record);
    await syncPath(layout.staging);
    return record;
  } catch (error) {
    await rm(draft, { force: true });
    throw fromSystemError(error, 'publish', record);
  }
}

function readCommit(path: string): Publication[] {
  const place = readRecordIfAny(path);
  const items = place?.key('publish').items() ?? [];
  return items.map((item) => ({
    token: item.key('token').matching(/^[0-9a-f.]+$/, 'a token'),
    name: item.key('name').matching(/^[A-Za-z][A-Za-z0-9-]*$/, 'a name'),
  }));
}
