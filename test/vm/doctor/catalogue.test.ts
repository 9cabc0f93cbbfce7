import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAMAGES } from '../../../fixtures/damaged/catalogue.js';
import type { Damage, DamagedStore } from '../../../fixtures/damaged/damage.js';
import { run } from '../../../src/process/run.js';
import { diskPrint, type CheckedDisks } from '../../../src/vm/doctor/disks.js';
import { examineAndMend, type Finding } from '../../../src/vm/doctor/doctor.js';
import { Work } from '../../../src/work.js';
import { fingerprint } from '../../support/fingerprint.js';
import { SmallStore } from './small-store.js';

let small: SmallStore;

beforeAll(async () => {
  small = await SmallStore.make();
});

afterAll(async () => {
  await rm(small.folder, { recursive: true, force: true });
});

interface Examined {
  readonly found: readonly Finding[];
  readonly mended: readonly Finding[];
  readonly warnings: readonly string[];
}

/** What qemu-img said of disks, by inode and time: no two tests have one in common. */
const disks: CheckedDisks = new Map();

async function examine({ layout }: DamagedStore, fix = false): Promise<Examined> {
  const warnings: string[] = [];
  const work = Work.of({ onWarning: (warning) => void warnings.push(warning) });
  const { found, mended } = await examineAndMend(layout, work, { fix, disks });
  return { found: found.map(({ finding }) => finding), mended, warnings };
}

/** What every disk and base of the store, and what is in `lost+found/`, has in it. */
async function disksOf(store: DamagedStore): Promise<string[]> {
  const hashes = (await disksIn(store)).map(async (path) =>
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  );
  return (await Promise.all(hashes)).sort();
}

async function disksIn({ layout }: DamagedStore): Promise<string[]> {
  const files = await readdir(layout.root, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.qcow2'))
    .map(({ parentPath, name }) => join(parentPath, name));
}

function pathOf({ path }: Damage, store: DamagedStore): string {
  return typeof path === 'string' ? path : path(store);
}

describe('a healthy store', () => {
  it('gives nothing to say', async () => {
    expect(await examine(await small.copy())).toEqual({ found: [], mended: [], warnings: [] });
  });
});

describe('doctor', () => {
  it('is tried with forty damages and more, each of a name of its own', () => {
    expect(new Set(DAMAGES.map(({ name }) => name)).size).toBe(DAMAGES.length);
    expect(DAMAGES.length).toBeGreaterThan(40);
  });

  it.concurrent.each(DAMAGES)('finds $name', async (damage) => {
    const store = await small.copy();
    // They are those of the store that was found healthy, byte for byte.
    for (const disk of await disksIn(store)) disks.set(diskPrint(disk), 'sound');
    expect((await examine(store)).found).toEqual([]);
    await damage.make(store);
    const place = {
      kind: damage.kind,
      instance: damage.instance,
      path: pathOf(damage, store),
    };
    const before = await fingerprint(store.layout.root);
    const first = await examine(store);
    expect(first.found).toContainEqual(
      expect.objectContaining({ ...place, fixable: damage.isMended, fixed: false }),
    );
    expect(first.mended).toEqual([]);
    expect(await fingerprint(store.layout.root)).toEqual(before);

    const content = await disksOf(store);
    const copy = damage.rewritesDisk === true ? await copyOfDisk(store) : undefined;
    const fixed = await examine(store, true);
    expect(fixed.warnings).toEqual([]);
    expect(fixed.found.filter(({ fixable }) => fixable)).toEqual([]);
    if (damage.isMended) {
      expect(fixed.mended).toContainEqual(expect.objectContaining({ ...place, fixed: true }));
      expect(fixed.found).not.toContainEqual(expect.objectContaining(place));
    } else {
      expect(fixed.found).toContainEqual(expect.objectContaining(place));
    }
    if (copy === undefined) expect(await disksOf(store)).toEqual(content);
    else await run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', copy, diskOf(store)]);

    const after = await fingerprint(store.layout.root);
    const second = await examine(store, true);
    expect(second).toEqual({ found: fixed.found, mended: [], warnings: [] });
    expect(await fingerprint(store.layout.root)).toEqual(after);
  });
});

function diskOf({ layout }: DamagedStore): string {
  return layout.instance('db').disk;
}

async function copyOfDisk(store: DamagedStore): Promise<string> {
  const copy = join(store.layout.root, '..', 'copy.qcow2');
  await run('cp', ['--', diskOf(store), copy]);
  return copy;
}
