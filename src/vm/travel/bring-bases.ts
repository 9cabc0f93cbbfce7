import { chmod, lstat, rename, rm } from 'node:fs/promises';
import { errnoOf, fromSystemError } from '../../errors.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { linkOrCopy } from '../disks/copy-file.js';
import type { Digest } from '../../files/digest.js';
import { baseNotFound } from './assembly.js';
import type { OwnBases } from './own-bases.js';
import type { TravelFile } from './travel-config.js';

/** Whose bases are brought, and from where. */
export interface BaseRequest {
  /** The staged folder. */
  readonly dir: InstanceDir;
  readonly own: OwnBases;
  readonly work: Work;
}

/**
 * Links the bases that an artifact leaves out from those of the store that hold the same.
 * @returns how many bytes they have
 * @throws MultipassError BASE_NOT_FOUND; ABORTED, DISK_FULL, …
 */
export async function linkKeptBases(
  files: readonly TravelFile[],
  origin: string,
  request: BaseRequest,
): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    if (file.kept === null) continue;
    const wanted = { size: file.size, digest: file.kept };
    if (!(await linkOwn(wanted, request.dir.file(file.name), request))) {
      throw baseNotFound(origin, file);
    }
    bytes += file.size;
  }
  return bytes;
}

/**
 * Links the bases whose content the manifest tells from those of the store that hold the same.
 * @returns which they are, and how many bytes they have
 */
export async function linkKnownBases(
  files: readonly TravelFile[],
  { manifest }: { readonly manifest: { readonly files: ReadonlyMap<string, Digest> } },
  request: BaseRequest,
): Promise<{ names: ReadonlySet<string>; bytes: number }> {
  const names = new Set<string>();
  let bytes = 0;
  for (const { name, size, kept } of files.slice(1)) {
    const digest = manifest.files.get(name);
    if (kept !== null || digest === undefined) continue;
    if (!(await linkOwn({ size, digest }, request.dir.file(name), request))) continue;
    names.add(name);
    bytes += size;
  }
  return { names, bytes };
}

/**
 * Makes the bases that have come immutable; one that the store had already is thrown away again for a link to that.
 * @returns how many bytes those had
 */
export async function shareBases(
  files: readonly TravelFile[],
  digests: ReadonlyMap<string, Digest>,
  request: BaseRequest,
): Promise<number> {
  let bytes = 0;
  for (const { name, size, kept } of files) {
    const digest = digests.get(name);
    if (kept !== null || digest === undefined || name === files[0]?.name) continue;
    const path = request.dir.file(name);
    const twin = `${path}.own`;
    if (await linkOwn({ size, digest }, twin, request)) {
      await rename(twin, path);
      bytes += size;
    } else {
      await chmod(path, 0o444);
    }
  }
  return bytes;
}

/** False when the store has none, or that was removed meanwhile. */
async function linkOwn(
  wanted: { readonly size: number; readonly digest: Digest },
  target: string,
  { own, work }: BaseRequest,
): Promise<boolean> {
  for await (const path of own.find(wanted)) {
    try {
      await linkOrCopy(path, target, work);
      if ((await lstat(target)).size === wanted.size) return true;
      await rm(target, { force: true });
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      if (errnoOf(cause ?? error) !== 'ENOENT') throw fromSystemError(error, 'link', path);
    }
  }
  return false;
}
