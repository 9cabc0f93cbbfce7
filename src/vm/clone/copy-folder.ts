import { lstat, mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { throwIfAborted } from '../../abort.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { copyWhole } from '../disks/copy-file.js';
import type { InstanceReading } from '../read-instance.js';
import { cloneAction } from './policy.js';

/**
 * Copies what we do not know of a source's folder into a staged one, as {@link cloneAction} says for each name: links
 * that lead out of the folder, sockets and devices are left behind.
 * @returns one sentence for each thing that was left behind
 */
export async function copyUnknownFiles(
  source: InstanceReading,
  target: InstanceDir,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const warnings: string[] = [];
  const unknown = { root: source.dir.path, warnings, signal };
  for (const entry of await readdir(source.dir.path, { withFileTypes: true })) {
    if (cloneAction(entry.name) === 'copy') await copyUnknown(entry, target.path, unknown);
  }
  await writeFile(target.lock, '', { mode: 0o600 });
  return warnings;
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
