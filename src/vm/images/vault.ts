import { lstatSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError, NotDurableError } from '../../errors.js';
import { log } from '../../log.js';
import { readQcow2 } from '../../qemu/qcow2-header.js';
import { ImageDir } from '../../store/image-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { withStagedFolder } from '../../store/staged-folder.js';
import { newToken } from '../../store/maker-token.js';
import { isOccupied } from '../../files/draft.js';
import { readRecordIfAny, writeNewRecord } from '../../files/record.js';
import { syncPath, syncTree } from '../../files/sync.js';
import { decodeVaultRecord, type VaultRecord } from './vault-record.js';

/** An image that is in the store, ready to be launched. */
export interface VaultImage {
  readonly id: string;
  readonly dir: ImageDir;
  /** The size the guest sees, in bytes. */
  readonly virtualSize: number;
  readonly record: VaultRecord;
}

const IMAGE_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Every image there is. One that cannot be read is left out, and logged. */
export async function listImages(layout: StoreLayout): Promise<VaultImage[]> {
  const ids = await readdir(layout.images).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, 'list the images', layout.images);
  });
  return ids.sort().flatMap((id) => readImage(layout, id) ?? []);
}

/** An image by its id; undefined when there is none, or none that is whole. */
export function readImage(layout: StoreLayout, id: string): VaultImage | undefined {
  if (!IMAGE_ID.test(id)) return undefined;
  const dir = layout.image(id);
  try {
    if (lstatSync(dir.path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
    const place = readRecordIfAny(dir.imageRecord);
    if (place === undefined) return undefined;
    return {
      id,
      dir,
      virtualSize: readQcow2(dir.disk).virtualSize,
      record: decodeVaultRecord(place),
    };
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('warning', 'images', `image ${id} cannot be used: ${error.message}`);
    return undefined;
  }
}

/** A new image, and what fills its folder. */
export interface NewImage {
  readonly id: string;
  readonly record: VaultRecord;
  /** Makes the disk in the staged folder. */
  readonly fill: (staged: ImageDir) => Promise<void>;
}

/**
 * Makes an image in staging and publishes it durably by one rename: it is there whole or not at all. If another
 * process was faster, theirs is the image. What stood there and could not be used is replaced.
 * @throws MultipassError NOT_DURABLE when it is there but the disk would not confirm it; what `fill` throws
 */
export async function addImage(layout: StoreLayout, image: NewImage): Promise<VaultImage> {
  const { id, record, fill } = image;
  const what = { doing: 'add the image', path: layout.image(id).path };
  await withStagedFolder(layout, what, async (folder) => {
    const staged = new ImageDir(folder);
    await fill(staged);
    await writeNewRecord(staged.imageRecord, record);
    await syncTree(staged.path);
    if (!(await publish(layout, staged, id)) && readImage(layout, id) === undefined) {
      await trashImage(layout, id);
      await publish(layout, staged, id);
    }
  });
  await confirm(layout, id);
  const found = readImage(layout, id);
  if (found !== undefined) return found;
  throw new MultipassError('IMAGE_INVALID', `image "${id}" was removed at once`, {
    hint: 'Try again when no other command is cleaning up.',
    details: { id },
  });
}

/** False when there is something of that id. */
async function publish(layout: StoreLayout, staged: ImageDir, id: string): Promise<boolean> {
  try {
    await rename(staged.path, layout.image(id).path);
    return true;
  } catch (error) {
    if (!isOccupied(error)) throw error;
    return false;
  }
}

/** Takes an image out of the store: one rename, then its data. False when there is none. */
export async function trashImage(layout: StoreLayout, id: string): Promise<boolean> {
  const trashed = layout.trashed(newToken());
  const { path } = layout.image(id);
  try {
    await rename(path, trashed);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw fromSystemError(error, 'remove the image', path);
  }
  await syncPath(layout.images);
  await rm(trashed, { recursive: true, force: true });
  return true;
}

async function confirm(layout: StoreLayout, id: string): Promise<void> {
  try {
    await syncPath(layout.images);
    await syncPath(layout.staging);
  } catch (error) {
    throw new NotDurableError(`image "${id}" is there`, 'image', error);
  }
}
