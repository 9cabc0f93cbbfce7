import { stat } from 'node:fs/promises';
import { errnoOf } from '../../errors.js';
import type { ImageDir } from '../../store/image-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { DownloadPlace, removeDownloads } from './download-place.js';
import { listImages, trashImage } from './vault.js';

/**
 * Removes every image that no instance has a link to, and every download that nobody is at. An instance that is being
 * launched just now either has its link, and keeps the disk whatever becomes of the image, or finds the image gone,
 * and obtains it again.
 * @returns the ids of the images that were removed
 * @throws MultipassError PERMISSION_DENIED, STORE_READ_ONLY, IO_ERROR
 */
export async function purgeUnusedImages(layout: StoreLayout): Promise<string[]> {
  // First, for a finished download may be another name of an image's disk.
  await removeDownloads(layout);
  const removed: string[] = [];
  for (const { id, dir } of await listImages(layout)) {
    if (await removeIfUnused(layout, { id, dir })) removed.push(id);
  }
  return removed;
}

/**
 * Removes an image that no instance has a link to.
 * @returns false when it stays: it is used, or somebody is about to use it, or it is gone already
 */
export async function removeIfUnused(
  layout: StoreLayout,
  { id, dir }: { readonly id: string; readonly dir: ImageDir },
): Promise<boolean> {
  if ((await linksOf(dir.disk)) !== 1) return false;
  // Somebody has just made it, and has not yet said so.
  await using place = await DownloadPlace.takeNow(layout, id);
  return place !== undefined && (await trashImage(layout, id));
}

async function linksOf(path: string): Promise<number> {
  try {
    return (await stat(path)).nlink;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
