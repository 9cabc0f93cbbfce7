import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { run } from '../../../src/exec.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';

let count = 0;

/** Has the guest write something that no other call writes with another number, in a place of its own. */
export async function writeData(dir: InstanceDir, number: number): Promise<void> {
  const pattern = 1 + (number % 250);
  // All over the first MiB, so that snapshots share nothing of it; and some of it for good.
  const commands = [`write -P ${pattern} 0 1M`, `write -P ${pattern} ${2 + (number % 30)}M 64k`];
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((line) => ['-c', line]), dir.disk]);
}

/** A hash of what the guest would read: in the active state, or in that of an internal snapshot. */
export async function contentOf(dir: InstanceDir, tag?: string): Promise<string> {
  const raw = `${dir.path}.content-${process.pid}-${(count += 1)}`;
  const snapshot = tag === undefined ? [] : ['-l', `snapshot.name=${tag}`];
  try {
    await run('qemu-img', ['convert', '-O', 'raw', ...snapshot, dir.disk, raw]);
    const hash = createHash('sha256');
    for await (const piece of createReadStream(raw)) hash.update(piece as Buffer);
    return hash.digest('hex');
  } finally {
    await rm(raw, { force: true });
  }
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
