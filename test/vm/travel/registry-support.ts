import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { run } from '../../../src/process/run.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { pullInstance } from '../../../src/vm/travel/pull-instance.js';
import type { PullChoices, PullReport } from '../../../src/vm/travel/pull-request.js';
import { pushInstance } from '../../../src/vm/travel/push-instance.js';
import type { PushChoices, PushReport } from '../../../src/vm/travel/push-request.js';

export const MIB = 1024 ** 2;

export async function pushed(
  layout: StoreLayout,
  name: string,
  reference: string,
  choices: PushChoices = {},
): Promise<PushReport> {
  return await pushInstance({ ...choices, layout, name, reference });
}

export async function pulled(
  layout: StoreLayout,
  reference: string,
  choices: PullChoices = {},
): Promise<PullReport> {
  return await pullInstance({ ...choices, layout, reference });
}

/** Fails unless the guests of two instances would read the same from their disks. */
export async function requireSame(
  [one, name]: readonly [StoreLayout, string],
  [two, other]: readonly [StoreLayout, string],
): Promise<void> {
  await run('qemu-img', ['compare', '-q', one.instance(name).disk, two.instance(other).disk]);
}

/** Writes noise into a disk, as its guest would. */
export async function writeNoise(disk: string, length: number, offset: number): Promise<void> {
  const pattern = `${disk}.noise`;
  await writeFile(pattern, randomBytes(length));
  const command = `write -s ${pattern} ${offset} ${length}`;
  await run('qemu-io', ['-f', 'qcow2', '-c', command, disk]);
  await rm(pattern);
}
