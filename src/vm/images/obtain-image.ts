import type { ImageDir } from '../../store/image-dir.js';
import type { ImageRecord } from '../records/image-record.js';
import { parseImageQuery } from './image-query.js';
import { obtainFromFile } from './obtain-from-file.js';
import { obtainFromRemote } from './obtain-from-remote.js';
import { obtainFromUrl } from './obtain-from-url.js';
import type { Obtained, ObtainOptions } from './obtain-options.js';
import { instanceRecord } from './vault-record.js';

/** What is wanted. */
export interface ObtainRequest extends ObtainOptions {
  /** What the user typed: nothing, `[remote:]alias`, the beginning of a hash, an `http(s):` or `file:` URL, a path. */
  readonly query: string;
}

/** An image that an instance can be made of. */
export interface ObtainedImage {
  readonly id: string;
  /** Its disk is to be linked. `purgeUnusedImages` may remove it before that: then it is obtained again. */
  readonly dir: ImageDir;
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
  const { image, query } = await obtain(wanted, request);
  const { id, dir, virtualSize, record } = image;
  return { id, dir, virtualSize, record: instanceRecord(record, query) };
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
    case 'file':
      return await obtainFromFile(wanted.paths, request);
  }
}
