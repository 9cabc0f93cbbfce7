import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { measure } from '../../../src/qemu/qemu-img.js';
import { initialiseStore } from '../../../src/store/format.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import type { CloneReport } from '../../../src/vm/clone/report.js';
import { canLoopMount, withLoopMount, type LoopFileSystem } from '../../support/loop-mount.js';
import { makeInstance } from '../../support/store-fixture.js';

const MIB = 1024 ** 2;
const CLUSTER = 65_536;
const DATA_MIB = 4;

/** Heads of every kind, by the name of their instance. */
const HEADS = {
  whole: { data: DATA_MIB },
  thin: { data: DATA_MIB, thin: true },
  tagged: { data: DATA_MIB, tags: 20 },
  'thin-tagged': { data: DATA_MIB, thin: true, tags: 20 },
} as const;

type Head = keyof typeof HEADS;

/** A store with an instance for each head, made once and copied to each file system. */
let prototype: string;

beforeAll(async () => {
  prototype = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
  const layout = new StoreLayout(prototype);
  await initialiseStore(layout);
  for (const [name, head] of Object.entries(HEADS)) await makeInstance(layout, name, head);
});
afterAll(() => rm(prototype, { recursive: true, force: true }));

interface FileSystem {
  readonly fsType: LoopFileSystem;
  readonly sizeMiB: number;
  /** Whether two files can have the same extents. */
  readonly shares: boolean;
}

const FILE_SYSTEMS: readonly FileSystem[] = [
  { fsType: 'ext4', sizeMiB: 192, shares: false },
  { fsType: 'xfs', sizeMiB: 320, shares: true },
  { fsType: 'btrfs', sizeMiB: 320, shares: true },
];

interface Cloned {
  readonly source: InstanceDir;
  readonly copy: InstanceDir;
  readonly report: CloneReport;
}

/** Clones instances of the prototype on a file system of their own, and looks at each. */
async function cloneOn(
  { fsType, sizeMiB }: FileSystem,
  names: readonly Head[],
  look: (cloned: Cloned) => Promise<void>,
): Promise<void> {
  await withLoopMount(fsType, sizeMiB, async (folder) => {
    const layout = new StoreLayout(join(folder, 'store'));
    await run('cp', ['-a', '--no-target-directory', prototype, layout.root]);
    for (const name of names) {
      const copy = `${name}-copy`;
      const report = await cloneInstance({ layout, source: name, name: copy });
      await look({ source: layout.instance(name), copy: layout.instance(copy), report });
    }
  });
}

/** How many bytes of a file are in extents that another file has too. */
async function sharedBytes(path: string): Promise<number> {
  const { stdout } = await run('filefrag', ['-s', '-v', '-b1', path]);
  const extents = stdout.matchAll(/^ *\d+:(?: *\d+\.\. *\d+:){2} *(\d+):.*\bshared\b/gm);
  return [...extents].reduce((sum, [, length]) => sum + Number(length), 0);
}

async function bytesOnDisk(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

async function expectSameAndClean({ source, copy }: Cloned): Promise<void> {
  await run('qemu-img', ['check', '-q', copy.disk]);
  await run('qemu-img', ['compare', '-s', source.disk, copy.disk]);
  expect(readQcow2(copy.disk).snapshots).toEqual([]);
  const { backingFile } = readQcow2(source.disk);
  expect(readQcow2(copy.disk).backingFile).toBe(backingFile);
  if (backingFile === null) return;
  const [ours, theirs] = await Promise.all(
    [source, copy].map(async (dir) => stat(dir.file(backingFile))),
  );
  expect(theirs!.ino).toBe(ours!.ino);
}

/** A head without its history is no larger than a plain convert makes it, nor than was foretold. */
async function expectNoLargerThanNeeded({ source, copy }: Cloned): Promise<void> {
  const plain = `${copy.path}-plain.qcow2`;
  const { backingFile } = readQcow2(source.disk);
  const backing = backingFile === null ? [] : ['-F', 'qcow2', '-B', source.file(backingFile)];
  await run('qemu-img', ['convert', '-O', 'qcow2', ...backing, source.disk, plain]);
  const size = await bytesOnDisk(copy.disk);
  // qemu-img rounds the end of the metadata in one of two ways.
  expect(size).toBeLessThanOrEqual((await bytesOnDisk(plain)) + CLUSTER);
  expect(size).toBeLessThanOrEqual((await measure(source.disk)).required);
  expect(size).toBeLessThan((await bytesOnDisk(source.disk)) / 2);
  await rm(plain);
}

/** To a cluster: a file system may still decide on its blocks after the report was made. */
async function expectBytesTold({ copy, report }: Cloned, shares: boolean): Promise<void> {
  const [moved, shared] = [report.bytesToCopy, report.bytesShared];
  expect(shares ? moved : shared).toBe(0);
  const size = await bytesOnDisk(copy.disk);
  expect(Math.abs(moved + shared - size)).toBeLessThanOrEqual(CLUSTER);
}

for (const fileSystem of FILE_SYSTEMS) {
  const { fsType, shares } = fileSystem;
  describe.runIf(canLoopMount)(`the disk of a clone on ${fsType}`, () => {
    it(`is ${shares ? 'shared with' : 'copied from'} its source when that has no snapshot`, async () => {
      await cloneOn(fileSystem, ['whole', 'thin'], async (cloned) => {
        await expectSameAndClean(cloned);
        const size = await bytesOnDisk(cloned.copy.disk);
        expect(await sharedBytes(cloned.copy.disk)).toBe(shares ? size : 0);
        expect(cloned.report.strategy).toBe(shares ? 'reflink' : 'copy');
        await expectBytesTold(cloned, shares);
      });
    });

    it('is converted, without the snapshots, when its source has twenty', async () => {
      await cloneOn(fileSystem, ['tagged', 'thin-tagged'], async (cloned) => {
        expect(readQcow2(cloned.source.disk).snapshots).toHaveLength(20);
        await expectSameAndClean(cloned);
        await expectNoLargerThanNeeded(cloned);
        // All of the data; the few clusters of metadata are its own.
        const shared = await sharedBytes(cloned.copy.disk);
        expect(shared).toBe(shares ? DATA_MIB * MIB : 0);
        expect(cloned.report.strategy).toBe('convert');
        await expectBytesTold(cloned, shares);
      });
    });
  });
}
