import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { findLegacyFiles } from '../../store/legacy/instance-files.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';

/** Where a disk was found, and where the file itself is. */
export interface FoundDisk {
  readonly entry: string;
  readonly path: string;
}

/**
 * Which instances lay claim to which disks, all of the legacy data together: what two records or two names of one
 * folder lead to is nobody's own, and must be there for the second one as well.
 */
export class DiskClaims {
  readonly #byFile = new Map<string | undefined, LegacyInstance[]>();

  private constructor() {
    // Made by `of`.
  }

  /** Looks where the disks are, and at no content. @throws MultipassError PERMISSION_DENIED, IO_ERROR */
  static async of(instances: readonly LegacyInstance[]): Promise<DiskClaims> {
    const claims = new DiskClaims();
    for (const legacy of instances) {
      const { disk, candidates } = await findLegacyFiles(legacy.folder, legacy.image?.path ?? null);
      const files = new Set((disk === null ? candidates : [disk]).map(fileOf));
      files.delete(undefined);
      for (const file of files) {
        claims.#byFile.set(file, [...(claims.#byFile.get(file) ?? []), legacy]);
      }
    }
    return claims;
  }

  /**
   * Why a disk is not one instance's alone, so that it can neither become the head itself nor be deleted: a predicate
   * of the disk; null when it is.
   * @param head the head that the disk may be a hard link to already
   */
  whyShared(legacy: LegacyInstance, { entry, path }: FoundDisk, head: string): string | null {
    const { folder, isLink } = legacy;
    if (folder === null || dirname(entry) !== folder) return "is not in the instance's own folder";
    if (isLink) return 'is in a folder that a link leads to';
    if (lstatSync(entry).isSymbolicLink()) return 'is what a link leads to';
    const others = (this.#byFile.get(fileOf(path)) ?? []).filter((one) => one !== legacy);
    const [other] = others;
    if (other !== undefined) return `is the disk of "${other.name}" as well`;
    const { nlink } = statSync(path);
    const ours = fileOf(path) === fileOf(head) ? 1 : 0;
    return nlink - ours === 1 ? null : `has ${nlink - ours} hard links`;
  }
}

/** Undefined for what is gone. */
function fileOf(path: string): string | undefined {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  return there && `${there.dev}:${there.ino}`;
}
