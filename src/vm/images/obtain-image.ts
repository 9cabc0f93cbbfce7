import { MultipassError } from '../../errors.js';
import type { ImageDir } from '../../store/image-dir.js';
import type { ImageRecord } from '../records/image-record.js';
import { parseImageQuery } from './image-query.js';
import { obtainFromFile } from './obtain-from-file.js';
import { obtainFromRemote } from './obtain-from-remote.js';
import { obtainFromUrl } from './obtain-from-url.js';
import type { FromRegistry, Obtained, ObtainOptions } from './obtain-options.js';
import { instanceRecord } from './vault-record.js';

/** What is wanted. */
export interface ObtainRequest extends ObtainOptions {
  /** What the user typed: nothing, `[remote:]alias`, the beginning of a hash, a URL of a few kinds, a path. */
  readonly query: string;
  /** Who obtains what `docker://` names. */
  readonly fromRegistry?: FromRegistry | undefined;
}

/** An image that an instance can be made of. */
export interface ObtainedImage {
  readonly id: string;
  /** Its disk is to be linked. `purgeUnusedImages` may remove it before that: then it is obtained again. */
  readonly dir: ImageDir;
  /** Whether it was not in the store before. */
  readonly isNew: boolean;
  /** The size the guest sees, in bytes. */
  readonly virtualSize: number;
  /** What goes into the `image-record.json` of the instance. */
  readonly record: ImageRecord;
}

/**
 * Brings the image that is asked for into the store, unless it is there. It becomes visible whole, by one rename; a
 * download that is broken off, or whose process is killed, is gone on with by the next who asks for it. Any number of
 * processes may ask for the same image at once: one does the work, the others wait for it.
 *
 * The store must be prepared (`prepareStore`).
 * @throws MultipassError INVALID_ARGUMENT for what is no query; IMAGE_NOT_FOUND, IMAGE_INVALID, REMOTE_UNKNOWN,
 *   DOWNLOAD_FAILED, SETTING_INVALID for the mirror, DISK_FULL, TOOL_MISSING, ABORTED, NOT_DURABLE, …
 */
export async function obtainImage(request: ObtainRequest): Promise<ObtainedImage> {
  const wanted = parseImageQuery(request.query);
  requireOwnFile(wanted, request);
  const { image, query, isNew } = await obtain(wanted, request);
  const { id, dir, virtualSize, record } = image;
  return { id, dir, isNew, virtualSize, record: instanceRecord(record, query) };
}

/** What image servers have, they tell the kind of. */
function requireOwnFile({ type }: ReturnType<typeof parseImageQuery>, { as }: ObtainRequest): void {
  if (as === undefined || type !== 'alias') return;
  throw new MultipassError(
    'INVALID_ARGUMENT',
    'the format of an image cannot be chosen where it comes from an image server',
    { hint: 'Choose one for a file or a URL only (`--image-format`); a path has a slash in it.' },
  );
}

async function obtain(
  wanted: ReturnType<typeof parseImageQuery>,
  request: ObtainRequest,
): Promise<Obtained> {
  switch (wanted.type) {
    case 'alias':
      return await obtainFromRemote(wanted, request);
    case 'http':
      return await obtainFromUrl(wanted.url, request);
    case 'registry':
      if (request.fromRegistry === undefined) throw new Error('nobody here knows of registries');
      return await request.fromRegistry(wanted.reference, request);
    case 'file':
      return await obtainFromFile(wanted.paths, request);
  }
}
