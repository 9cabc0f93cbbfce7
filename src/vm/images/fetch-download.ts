import { hasCode } from '../../errors.js';
import { download } from './download.js';
import { DownloadPlace } from './download-place.js';
import type { Obtained, ObtainOptions } from './obtain-options.js';
import type { WantedFile } from './part-file.js';
import { prepareDisk } from './prepare-disk.js';
import { addImage, readImage } from './vault.js';
import type { VaultRecord } from './vault-record.js';

/** An image that is to be downloaded. */
export interface WantedDownload {
  /** The image's id: also what its download is called. */
  readonly key: string;
  readonly file: WantedFile;
  readonly record: VaultRecord;
}

/**
 * Downloads an image, prepares and publishes it; whoever asks for the same one meanwhile waits, and finds it there.
 * @throws MultipassError DOWNLOAD_FAILED, IMAGE_INVALID, DISK_FULL, ABORTED, …
 */
export async function fetchDownload(
  { key, file, record }: WantedDownload,
  options: ObtainOptions,
): Promise<Omit<Obtained, 'query'>> {
  const { layout, work, stallMs, retryMs, as } = options;
  work.begin('retrieving');
  await using place = await DownloadPlace.take(layout, key, work.signal);
  const theirs = readImage(layout, key);
  if (theirs !== undefined) return { image: theirs, isNew: false };
  const { part } = place;
  await download({ wanted: file, part, work, stallMs, retryMs });
  const image = await addImage(layout, {
    id: key,
    record,
    fill: (target) =>
      prepareDisk({
        source: part,
        verified: file.sha256 !== null,
        origin: file.url.href,
        as,
        target,
        work,
      }),
  }).catch(async (error: unknown) => {
    // What cannot be used would be found again by the next one who asks.
    if (hasCode(error, 'IMAGE_INVALID')) await place.clear();
    throw error;
  });
  await place.clear();
  return { image, isNew: true };
}
