import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../src/process/run.js';

const MIB = 1024 ** 2;
/** How much is overwritten after each snapshot. */
const PIECE = 16 * MIB;
const DATA = 512 * MIB;
const BYTES = 'random-bytes';

/** Makes a disk of 5 GiB with 512 MiB of data that no compression or hole makes smaller. */
export async function makeDisk(path: string): Promise<void> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, '5G']);
  for (let offset = 0; offset < DATA; offset += PIECE) await overwrite(path, offset);
}

/**
 * Copies a disk that has the snapshots `@s1` to `@s<from>`, and takes more until there are `to`; after each one
 * 16 MiB of the data are overwritten.
 */
export async function copyWithSnapshots(
  source: string,
  target: string,
  { from, to }: { from: number; to: number },
): Promise<void> {
  await run('cp', ['--reflink=auto', source, target]);
  for (let index = from + 1; index <= to; index += 1) {
    await run('qemu-img', ['snapshot', '-c', tagOf(index), target]);
    await overwrite(target, (index * PIECE) % DATA);
  }
}

/** The tag of a snapshot, as Multipass names it. */
export function tagOf(index: number): string {
  return `@s${index}`;
}

async function overwrite(path: string, offset: number): Promise<void> {
  const cwd = dirname(path);
  await writeFile(join(cwd, BYTES), randomBytes(PIECE));
  // A command of qemu-io is cut at blanks, so no path goes into it.
  const write = `write -q -s ${BYTES} ${offset} ${PIECE}`;
  await run('qemu-io', ['-f', 'qcow2', '-c', write, path], { cwd });
  await rm(join(cwd, BYTES));
}
