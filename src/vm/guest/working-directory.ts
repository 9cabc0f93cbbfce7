import { posix, relative, sep } from 'node:path';
import type { Mount } from '../records/mount.js';

/**
 * Where a folder of the host is in the guest: below the target of the mount that holds it, the innermost one when there
 * are several; null when no mount does.
 */
export function mapWorkingDirectory(folder: string, mounts: readonly Mount[]): string | null {
  const holding = mounts
    .map(({ source, target }) => ({ source, target, rest: relative(source, folder) }))
    .filter(({ rest }) => rest !== '..' && !rest.startsWith(`..${sep}`) && !rest.startsWith('/'))
    .sort((a, b) => b.source.length - a.source.length);
  const [innermost] = holding;
  return innermost === undefined ? null : posix.join(innermost.target, innermost.rest);
}
