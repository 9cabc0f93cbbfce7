import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { orAborted } from '../../abort.js';
import { fromSystemError } from '../../errors.js';
import type { Work } from '../../work.js';
import { ArchiveSource } from './archive-source.js';
import type { ArtifactSource } from './artifact-source.js';
import { FolderSource } from './folder-source.js';

/** Where an artifact is taken from: an absolute path of a file or folder, or the bytes of an archive. */
export type ImportFrom =
  | string
  | AsyncIterable<Uint8Array>
  /** One that was opened already; it is disposed of in the end. */
  | { readonly artifact: ArtifactSource };

/** What bytes are called that come by no name. */
const STREAM = 'standard input';

/**
 * Opens what is to be imported.
 * @throws MultipassError IO_ERROR, PERMISSION_DENIED when there is nothing, or it cannot be read; ABORTED
 */
export async function openSource(from: ImportFrom, { signal }: Work): Promise<ArtifactSource> {
  if (typeof from !== 'string' && 'artifact' in from) return from.artifact;
  if (typeof from !== 'string')
    return new ArchiveSource(abortable(from, signal), { origin: STREAM });
  try {
    const there = await stat(from);
    if (there.isDirectory()) return new FolderSource(from);
    // A pipe has no writer yet, perhaps, and is waited for.
    const file = await orAborted(open(from, constants.O_RDONLY), signal);
    const pieces = file.createReadStream({ autoClose: false, highWaterMark: 1024 ** 2 });
    const options = there.isFile() ? { origin: from, file } : { origin: from };
    return new ArchiveSource(abortable(pieces as AsyncIterable<Uint8Array>, signal), options);
  } catch (error) {
    throw fromSystemError(error, 'read the archive', from);
  }
}

async function* abortable(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const pieces = bytes[Symbol.asyncIterator]();
  for (;;) {
    const next = await orAborted(pieces.next(), signal);
    if (next.done === true) return;
    yield next.value;
  }
}
