import { lstatSync } from 'node:fs';
import { makeFolder } from '../files/make-folder.js';
import { chmod } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError, RecordError } from '../errors.js';
import type { JsonPlace } from '../files/decoder.js';
import { replaceFile } from '../files/draft.js';
import { STORE_FORMAT, type StoreLayout } from './layout.js';
import { newToken } from './maker-token.js';
import { readRecordIfAny, recordText } from '../files/record.js';
import { requireOwnRoot, requirePrivateRoot } from './root-rights.js';
import { requireOwnHost } from './store-host.js';

/**
 * Makes sure that this version may read the store; writes nothing.
 * @returns false when there is no store yet
 * @throws MultipassError STORE_TOO_NEW, STORE_NOT_PRIVATE when others may write in it; RecordError when `store.json`
 *   cannot be read
 */
export function checkStoreFormat(layout: StoreLayout): boolean {
  const place = readFormat(layout);
  if (place === undefined) return false;
  requirePrivateRoot(layout);
  const format = place.key('format').integer(1);
  if (format > STORE_FORMAT) {
    throw new MultipassError(
      'STORE_TOO_NEW',
      `the store "${layout.root}" has format ${format}; this version knows format ${STORE_FORMAT}`,
      { hint: 'Use the version of multipass-ts that wrote it, or a newer one.' },
    );
  }
  return true;
}

function readFormat(layout: StoreLayout): JsonPlace | undefined {
  try {
    return readRecordIfAny(layout.formatFile);
  } catch (error) {
    if (!(error instanceof RecordError) || errnoOf(error.cause) !== 'ENOTDIR') throw error;
    throw new MultipassError(error.code, `the store "${layout.root}" is not a folder`, {
      hint: 'Set MULTIPASS_STORAGE to a folder, or to the path of one that can be made.',
      details: { path: layout.root },
      cause: error,
    });
  }
}

/**
 * Makes the store at first use, and its folders where one is missing. `store.json` is written last, so a store that has
 * one is whole. May be called at any time, by several processes at once. Only the owner can read what is made here.
 * @param exists the answer of {@link checkStoreFormat}
 * @throws MultipassError STORE_TOO_NEW, STORE_NOT_PRIVATE, STORE_OF_ANOTHER_HOST, STORE_READ_ONLY, PERMISSION_DENIED,
 *   DISK_FULL; IO_ERROR where a folder that work is done in is a link; RecordError
 */
export async function initialiseStore(
  layout: StoreLayout,
  exists: boolean = checkStoreFormat(layout),
): Promise<void> {
  try {
    if (!exists) await makeOwnFolder(layout.root);
    await requireOwnRoot(layout, { exists });
    await requireOwnHost(layout);
    for (const folder of [layout.staging, layout.trash, layout.macs, layout.locks]) {
      requireNoLink(folder);
    }
    for (const folder of layout.folders) {
      // A missing MAC table of an existing store is rebuilt from its instances, not made empty.
      if (!(exists && folder === layout.macs)) await makeOwnFolder(folder);
    }
    if (!exists) await writeFormat(layout);
  } catch (error) {
    throw fromSystemError(error, 'set up the store', layout.root);
  }
}

/** What is moved, claimed or removed by a name in such a folder would be, in a folder of somebody else's. */
function requireNoLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new MultipassError('IO_ERROR', `"${path}" is a symbolic link`, {
    hint: 'Put the folder itself in its place: no work of the store may lead out of it.',
    details: { path },
  });
}

async function makeOwnFolder(path: string): Promise<void> {
  // The umask may have taken bits away.
  if (await makeFolder(path, { doing: 'set up the store' })) await chmod(path, 0o700);
}

async function writeFormat(layout: StoreLayout): Promise<void> {
  await replaceFile(layout.formatFile, recordText({ format: STORE_FORMAT }), {
    draft: layout.staged(newToken()),
    doing: 'set up the store',
  });
}
