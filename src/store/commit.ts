import { rm } from 'node:fs/promises';
import { RecordError } from '../errors.js';
import type { JsonPlace } from '../files/decoder.js';
import { replaceFile } from '../files/draft.js';
import { readRecordIfAny, recordText } from '../files/record.js';
import { log } from '../log.js';
import type { StoreLayout } from './layout.js';
import { newToken } from './maker-token.js';

/** An instance of a set that becomes visible together, or not at all. */
export interface Publication {
  /** Its folder in staging. */
  readonly token: string;
  readonly name: string;
  /** What an automatic name begins with: when it is taken, the next free number behind this takes its place. */
  readonly stem: string | null;
  /** Its identity, which the name is not: its uuid, and the inode of its folder, which a rename keeps. */
  readonly uuid: string;
  readonly inode: string;
}

/**
 * The decision about a set of instances: `publish` is rolled forward, `undo` is rolled back. It is one file in staging,
 * replaced by a rename, so that at any moment it says one or the other.
 */
export interface Commit {
  readonly decision: 'publish' | 'undo';
  readonly publications: readonly Publication[];
}

const COMMIT = '.commit';
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,62}$/;

/** True for the record of a commit among the entries of the staging folder. */
export function isCommit(entry: string): boolean {
  return entry.endsWith(COMMIT);
}

/** Path of a commit record that is not there yet; it names this process as its maker. */
export function newCommit(layout: StoreLayout): string {
  return `${layout.staged(newToken())}${COMMIT}`;
}

/** Writes a commit, in the place of the one that is there: whole and durable when this resolves. */
export async function writeCommit(
  layout: StoreLayout,
  record: string,
  { decision, publications }: Commit,
): Promise<void> {
  await replaceFile(record, recordText({ [decision]: publications }), {
    draft: layout.staged(newToken()),
    doing: 'publish',
  });
}

/** Removes a commit that is carried out. Not synced: if a power cut brings it back, it finds nothing left to do. */
export async function removeCommit(record: string): Promise<void> {
  await rm(record, { force: true });
}

/** Reads an abandoned commit. One that cannot be read was damaged by the disk, and commits to nothing. */
export function readCommit(layout: StoreLayout, entry: string): Commit {
  try {
    const place = readRecordIfAny(layout.staged(entry));
    const decision = place?.key('undo').isAbsent() === false ? 'undo' : 'publish';
    return {
      decision,
      publications: place?.key(decision).items(Infinity).map(decodePublication) ?? [],
    };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    log('warning', 'sweep', `cannot read a commit: ${error.message}`);
    return { decision: 'publish', publications: [] };
  }
}

function decodePublication(place: JsonPlace): Publication {
  const stem = place.key('stem');
  return {
    token: place.key('token').matching(/^[0-9a-f]+(?:\.[0-9a-f]+)+$/, 'a token'),
    name: place.key('name').matching(NAME, 'a name'),
    stem: stem.isAbsent() ? null : stem.matching(NAME, 'the beginning of a name'),
    uuid: textOf(place.key('uuid')),
    inode: textOf(place.key('inode')),
  };
}

/** A record of an earlier version has no uuid and no inode: it can be rolled forward, but never back. */
function textOf(place: JsonPlace): string {
  return place.isAbsent() ? '' : place.string();
}
