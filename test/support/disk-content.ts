import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { run } from '../../src/process/run.js';
import { readQcow2 } from '../../src/qemu/qcow2-header.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';

let count = 0;

/** Has the guest write something that no other call writes with another number, in a place of its own. */
export async function writeData(dir: InstanceDir, number: number): Promise<void> {
  const pattern = 1 + (number % 250);
  // All over the first MiB, so that snapshots share nothing of it; and some of it for good.
  const commands = [`write -P ${pattern} 0 1M`, `write -P ${pattern} ${2 + (number % 30)}M 64k`];
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((line) => ['-c', line]), dir.disk]);
}

/**
 * A hash of what the guest would read, size included: in the active state, or after a restore of an internal snapshot,
 * which is done to a copy (`qemu-img convert -l` cuts a snapshot off at the present size of the disk). Equal contents
 * become equal images, for convert writes from beginning to end and leaves zeros out; and most of a disk is zeros.
 */
export async function contentOf(dir: InstanceDir, tag?: string): Promise<string> {
  // Beside the disk, for the sake of its base.
  const copy = `${dir.disk}.copy-${process.pid}-${(count += 1)}`;
  const plain = `${copy}.plain`;
  try {
    if (tag !== undefined) {
      await run('cp', ['--', dir.disk, copy]);
      await run('qemu-img', ['snapshot', '-a', tag, copy]);
    }
    await run('qemu-img', ['convert', '-O', 'qcow2', tag === undefined ? dir.disk : copy, plain]);
    return await hashOf(plain);
  } finally {
    await rm(copy, { force: true });
    await rm(plain, { force: true });
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** The contents of all internal snapshots, by tag. */
export async function contentsOf(dir: InstanceDir): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const tag of tagsOf(dir)) contents[tag] = await contentOf(dir, tag);
  return contents;
}

export function tagsOf(dir: InstanceDir): string[] {
  return readQcow2(dir.disk).snapshots.map(({ name }) => name);
}
