import { resolve } from 'node:path';
import { ExecError, MultipassError } from '../errors.js';
import { backingName, type Backing } from './backing.js';
import { changing, isDamage, qemuImg, type Abortable, type MaybeForeign } from './qemu-img-run.js';

/**
 * Takes an internal snapshot. QEMU takes a second one under the same tag without a word: look first.
 */
export const snapshotCreate = snapshotChange('-c');

/**
 * Brings the disk back to an internal snapshot, its size included. QEMU takes the tag for an id first, so a tag of
 * digits alone may hit another snapshot.
 */
export const snapshotApply = snapshotChange('-a');

/** Deletes an internal snapshot. @throws ExecError (TOOL_FAILED) when there is none of that tag */
export const snapshotDelete = snapshotChange('-d');

/**
 * Where qemu-img cannot sync the header that names a new table of snapshots, it gives up that table, and has the file
 * system discard it, while the header on the disk leads there already: all snapshots are gone [tried, by an EIO of that
 * one fdatasync]. Nothing is discarded, therefore; what is free in the image is used again by the image.
 */
const NO_DISCARD = 'discard=ignore,file.discard=ignore';

function snapshotChange(action: '-c' | '-a' | '-d') {
  return async (path: string, tag: string, { signal }: Abortable = {}): Promise<void> => {
    // It knows no -f; without a driver it would look for the format itself.
    const filename = resolve(path).replaceAll(',', ',,');
    const image = `driver=qcow2,${NO_DISCARD},file.driver=file,file.filename=${filename}`;
    await qemuImg(['snapshot', '-q', action, tag, '--image-opts', '--', image], { path, signal });
  };
}

/** Makes an empty qcow2 image that stands on nothing, of a virtual size in bytes; nothing may be there. */
export async function createEmpty(
  path: string,
  bytes: number,
  options: Abortable = {},
): Promise<void> {
  const image = ['-q', '-f', 'qcow2', '--', resolve(path), `${bytes}`];
  await qemuImg(['create', ...image], { path, ...options });
}

/**
 * Gives a qcow2 image a virtual size in bytes.
 * @param options `shrink`: what lies beyond a smaller size is lost
 * @throws ExecError (TOOL_FAILED) when it is smaller, without `shrink`
 */
export async function resize(
  path: string,
  bytes: number,
  { shrink = false, ...options }: Abortable & { readonly shrink?: boolean } = {},
): Promise<void> {
  const flags = ['-q', '-f', 'qcow2', ...(shrink ? ['--shrink'] : [])];
  await qemuImg(['resize', ...flags, '--', resolve(path), `${bytes}`], { path, ...options });
}

/** Writes what an overlay holds into its backing file, which gets at least its size; the overlay is of no use then. */
export async function commit(path: string, options: Abortable = {}): Promise<void> {
  await qemuImg(['commit', '-q', '-f', 'qcow2', '-d', '--', resolve(path)], { path, ...options });
}

/**
 * Puts a qcow2 image on another backing file, or with null on none, and copies into it what the old one has and the
 * new one has not: what the guest sees stays the same.
 * @throws MultipassError INVALID_ARGUMENT when the backing file is no plain name
 */
export async function rebase(
  path: string,
  backing: Backing | null,
  options: Abortable = {},
): Promise<void> {
  const target = backing === null ? ['-b', ''] : ['-b', backingName(backing), '-F', backing.format];
  await qemuImg(['rebase', '-q', '-f', 'qcow2', ...target, '--', resolve(path)], {
    path,
    ...options,
  });
}

/**
 * Writes into a qcow2 image what it stands on, and nothing else: the new backing file has to have what the old one had.
 * @throws MultipassError INVALID_ARGUMENT when the backing file is no plain name
 */
export async function pointTo(
  path: string,
  backing: Backing,
  { foreign, signal }: MaybeForeign = {},
): Promise<void> {
  const words = ['-u', '-f', 'qcow2', '-b', backingName(backing), '-F', backing.format];
  const confined = changing(path, foreign);
  await qemuImg(['rebase', '-q', ...words, '--', resolve(path)], { path, signal, confined });
}

/** Makes a version 2 image one of version 3; one that is version 3 stays as it is. */
export async function amendToV3(
  path: string,
  { foreign, signal }: MaybeForeign = {},
): Promise<void> {
  const args = ['amend', '-q', '-f', 'qcow2', '-o', 'compat=1.1', '--', resolve(path)];
  await qemuImg(args, { path, signal, confined: changing(path, foreign) });
}

/**
 * Checks a qcow2 image, and frees clusters that nothing refers to. Exit codes (qemu-img(1), and tried): 0 right or
 * mended, 3 leaks left, which only waste space, 2 damaged, and 1 with lines of `ERROR` when too damaged to go on.
 * @throws MultipassError DISK_INVALID when it is damaged
 */
export async function checkAndRepairLeaks(
  path: string,
  { foreign, signal }: MaybeForeign = {},
): Promise<void> {
  const args = ['check', '-q', '-f', 'qcow2', '-r', 'leaks', '--', resolve(path)];
  try {
    const confined = changing(path, foreign);
    await qemuImg(args, { path, signal, confined, okExitCodes: [0, 3] });
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    if (!isDamage(error)) throw error;
    throw new MultipassError('DISK_INVALID', `the disk "${path}" is damaged`, {
      hint: 'Look at it with `qemu-img check`, and put back a copy of it.',
      cause: error,
      details: { path, problem: 'it is damaged' },
    });
  }
}
