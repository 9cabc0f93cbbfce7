import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors.js';
import { SOCKETS } from '../../qemu/machine.js';
import { INSTANCE_FILES, type InstanceDir } from '../../store/instance-dir.js';

/** What every name begins with that a running QEMU gets from us. */
const PREFIX = 'live-';
const LINK = /^live-[0-9a-f]{24}\.(?:qcow2|sock)$/;

/** What tells one live change of a disk from another: 24 hex digits, for QEMU's names have at most 31 letters. */
export function newLiveId(): string {
  return randomBytes(12).toString('hex');
}

/** QEMU's name of the job that saves the memory of a running instance: there is one at a time. */
export const MEMORY_JOB = `${PREFIX}memory`;

/** QEMU's name of the node, and of the job, that belongs to a live change. */
export function liveNode(id: string): string {
  return `${PREFIX}${id}`;
}

/** Whether a node or a job of QEMU's belongs to a live change. */
export function isLiveName(name: unknown): name is string {
  return typeof name === 'string' && name.startsWith(PREFIX);
}

/**
 * Where a running QEMU finds the file of a node: all it may write to is its disk and the folder of its sockets, so a
 * file that it is to open gets a second name there for the moment. Relative to the instance's folder.
 */
export function liveLink(node: string): string {
  return join(INSTANCE_FILES.run, SOCKETS, `${node}.qcow2`);
}

/** Where a running QEMU finds the socket that it is to write its memory to, likewise. */
export function liveSocket(id: string): string {
  return join(INSTANCE_FILES.run, SOCKETS, `${PREFIX}${id}.sock`);
}

/** Removes such second names, which only matter while QEMU opens them. */
export async function removeLiveLinks(dir: InstanceDir): Promise<void> {
  const folder = dir.runFile(SOCKETS);
  try {
    for (const file of await readdir(folder)) {
      if (LINK.test(file)) await rm(join(folder, file), { force: true });
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
