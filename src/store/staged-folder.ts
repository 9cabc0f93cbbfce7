import { withDraftFolder, type DraftFolderOptions } from '../files/draft.js';
import type { StoreLayout } from './layout.js';
import { MakerLock } from './maker-lock.js';
import { newToken } from './maker-token.js';

/**
 * Makes a folder in staging, and lets `work` fill it and rename it, or what is in it, to its place; what is left of it
 * then is removed. A sweep leaves it alone for as long as this process lives.
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR; what `work` throws
 */
export async function withStagedFolder<T>(
  layout: StoreLayout,
  options: DraftFolderOptions,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await using lock = await MakerLock.hold(layout);
  return await withDraftFolder(layout.staged(newToken()), options, work);
}
