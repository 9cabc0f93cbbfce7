import { lstat, mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { throwIfAborted } from '../../abort.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { backingChain } from '../disks/backing-chain.js';
import { copyActiveState, type CopiedDisk } from '../disks/copy-disk.js';
import { copyWhole, linkOrCopy, type CopyFileOptions } from '../disks/copy-file.js';
import type { InstanceReading } from '../read-instance.js';
import { cloneAction } from './policy.js';

/** What came over, and what did not. */
export interface CopiedFolder {
  readonly disk: CopiedDisk;
  /** One sentence for each thing that was left behind. */
  readonly warnings: readonly string[];
}

/**
 * Fills a staged folder from a source's, as {@link cloneAction} says for each name. What is rewritten is written by
 * the caller; links that lead out of the folder, sockets and devices are left behind and told.
 */
export async function copyFolder(
  source: InstanceReading,
  target: InstanceDir,
  options: CopyFileOptions,
): Promise<CopiedFolder> {
  const warnings: string[] = [];
  const chain = new Set(backingChain(source.dir, source.disk));
  for (const base of chain) {
    await linkOrCopy(source.dir.file(base), target.file(base), options);
  }
  const unknown = { root: source.dir.path, warnings, signal: options.signal };
  for (const entry of await readdir(source.dir.path, { withFileTypes: true })) {
    if (cloneAction(entry.name) === 'copy') await copyUnknown(entry, target.path, unknown);
  }
  await writeFile(target.lock, '', { mode: 0o600 });
  const disk = await copyActiveState({
    source: source.dir.disk,
    facts: source.disk,
    target: target.disk,
    ...options,
  });
  return { disk, warnings };
}

/** The copying of all that we do not know in an instance's folder. */
interface UnknownCopy {
  /** The instance's folder. */
  readonly root: string;
  readonly warnings: string[];
  readonly signal: AbortSignal | undefined;
}

async function copyUnknown(entry: Dirent, to: string, copy: UnknownCopy): Promise<void> {
  throwIfAborted(copy.signal);
  const source = join(entry.parentPath, entry.name);
  const target = join(to, entry.name);
  if (entry.isFile()) {
    await copyWhole(source, target, { signal: copy.signal });
  } else if (entry.isDirectory()) {
    const { mode } = await lstat(source);
    await mkdir(target, { mode: mode | 0o700 });
    for (const inner of await readdir(source, { withFileTypes: true })) {
      await copyUnknown(inner, target, copy);
    }
  } else if (entry.isSymbolicLink()) {
    await copyLink(source, target, copy);
  } else {
    copy.warnings.push(`"${source}" was not copied: it is neither a file nor a folder`);
  }
}

/** A relative link that stays inside the instance's folder means the same in the copy; any other would leave it. */
async function copyLink(source: string, target: string, copy: UnknownCopy): Promise<void> {
  const wanted = await readlink(source);
  const reached = resolve(dirname(source), wanted);
  if (wanted.startsWith('/') || !reached.startsWith(`${copy.root}/`)) {
    copy.warnings.push(
      `"${source}" was not copied: it is a link to "${wanted}", outside its folder`,
    );
    return;
  }
  await symlink(wanted, target);
}
