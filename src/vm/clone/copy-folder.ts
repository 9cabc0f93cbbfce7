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
  for (const entry of await readdir(source.dir.path, { withFileTypes: true })) {
    throwIfAborted(options.signal);
    if (cloneAction(entry.name) !== 'copy') continue;
    await copyUnknown(source.dir.path, target.path, entry, warnings);
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

async function copyUnknown(
  from: string,
  to: string,
  entry: Dirent,
  warnings: string[],
): Promise<void> {
  const source = join(from, entry.name);
  const target = join(to, entry.name);
  if (entry.isFile()) {
    await copyWhole(source, target);
  } else if (entry.isDirectory()) {
    const { mode } = await lstat(source);
    await mkdir(target, { mode: mode | 0o700 });
    for (const inner of await readdir(source, { withFileTypes: true })) {
      await copyUnknown(source, target, inner, warnings);
    }
  } else if (entry.isSymbolicLink()) {
    await copyLink(source, target, from, warnings);
  } else {
    warnings.push(`"${source}" was not copied: it is neither a file nor a folder`);
  }
}

/** A relative link that stays inside its own folder means the same in the copy; any other would leave it. */
async function copyLink(
  source: string,
  target: string,
  folder: string,
  warnings: string[],
): Promise<void> {
  const wanted = await readlink(source);
  const reached = resolve(dirname(source), wanted);
  if (wanted.startsWith('/') || !reached.startsWith(`${folder}/`)) {
    warnings.push(`"${source}" was not copied: it is a link to "${wanted}", outside its folder`);
    return;
  }
  await symlink(wanted, target);
}
