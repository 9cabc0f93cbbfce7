import { chmod, lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { readQcow2 } from '../../src/qemu/qcow2-header.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { StoreLayout } from '../../src/store/layout.js';
import { recoverInstance } from '../../src/vm/delete-instance.js';
import { backingChain } from '../../src/vm/disks/backing-chain.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { takeSnapshot } from '../../src/vm/snapshots/take-snapshot.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance } from '../support/store-fixture.js';
import { contentsOf, writeData } from '../support/disk-content.js';
import { BYSTANDER, makeTemplate, storeScenario, type StoreContext } from './store-scenario.js';

/** What the sources of the template are like. */
export type SourceName = 'written' | 'unwritten' | 'tagged';

const SOURCES: readonly SourceName[] = ['tagged', 'unwritten', 'written'];
const SHOWN = [BYSTANDER, ...SOURCES].map((name) => `${name} Stopped`);

type Scenario = ReturnType<typeof storeScenario>;

/**
 * A store with a thin instance that has to be frozen before it can be shared, one that has written nothing, and one
 * with snapshots.
 */
export async function beyondTemplate(): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    for (const [name, made] of [
      ['written', { data: 1 }],
      ['unwritten', { data: 0 }],
      ['tagged', { data: 1 }],
    ] as const) {
      const dir = await makeInstance(layout, name, { ...made, thin: true });
      await chmod(dir.file('base-image.qcow2'), 0o444);
    }
    const tagged = layout.instance('tagged');
    for (const number of [1, 2]) {
      await takeSnapshot({ layout, name: 'tagged', texts: { name: `snap${number}` } });
      await writeData(tagged, number);
    }
  });
}

/** `clone SOURCE --linked --name copy`. */
export function linkedScenario(template: string, source: SourceName): Scenario {
  return storeScenario({
    template,
    args: () => ['clone', source, '--linked', '--name', 'copy'],
    // Only one that has to be frozen is touched at all.
    untouched: othersThan(source === 'written' ? source : null),
    before: SHOWN,
    after: [...SHOWN, 'copy Stopped'].toSorted(),
    commit: { call: 'rename store/staging/* store/instances/copy' },
    check: async (context, isAfter) => {
      await expectSameContent(template, context, source);
      if (isAfter) await expectSameContent(template, context, source, 'copy');
    },
  });
}

/** `flatten NAME`. */
export function flattenScenario(template: string, name: 'written' | 'tagged'): Scenario {
  return storeScenario({
    template,
    args: () => ['flatten', name],
    untouched: othersThan(name),
    before: SHOWN,
    after: SHOWN,
    check: async (context) => await expectSameContent(template, context, name),
  });
}

/** `rename tagged shop`. */
export function renameScenario(template: string): Scenario {
  const renamed = ['shop', ...SOURCES.filter((name) => name !== 'tagged')];
  return storeScenario({
    template,
    args: () => ['rename', 'tagged', 'shop'],
    untouched: othersThan('tagged'),
    before: SHOWN,
    after: [BYSTANDER, ...renamed].map((name) => `${name} Stopped`).toSorted(),
    commit: { call: 'rename store/instances/tagged store/instances/shop' },
    check: async ({ layout }, isAfter) => {
      const { path } = layout.instance(isAfter ? 'shop' : 'tagged');
      const original = await hashTree(join(template, 'store/instances/tagged'));
      expect(await hashTree(path)).toEqual(original);
      // Whoever holds the old lock must not keep anybody from it.
      await recoverInstance(layout, isAfter ? 'shop' : 'tagged');
    },
  });
}

/** `clone SOURCE --count 3`, with given or automatic names. */
export function countScenario(
  template: string,
  source: SourceName,
  options: readonly string[] = [],
): Scenario {
  const isGiven = options.includes('--name');
  const names = [1, 2, 3].map((number) =>
    isGiven ? `node-${number}` : `${source}-clone${number}`,
  );
  return storeScenario({
    template,
    args: () => ['clone', source, '--count', '3', ...options],
    untouched: othersThan(source === 'written' && options.includes('--linked') ? source : null),
    before: SHOWN,
    after: [...SHOWN, ...names.map((name) => `${name} Stopped`)].toSorted(),
    commits: true,
    addsEachTime: !isGiven,
    commit: { call: 'rename store/staging/* store/staging/*.commit' },
    check: async (context, isAfter) => {
      await expectSameContent(template, context, source);
      for (const name of isAfter ? names : []) {
        await expectSameContent(template, context, source, name);
        const seed = await readFile(context.layout.instance(name).seed, 'latin1');
        expect(seed).toContain(`local-hostname: ${name}\n`);
      }
    },
  });
}

/** Folders that come out as they went in, but for that of the one that is worked on. */
function othersThan(name: SourceName | null): string[] {
  return [BYSTANDER, ...SOURCES.filter((other) => other !== name)].map(
    (other) => `store/instances/${other}`,
  );
}

/**
 * The guest of `name` sees what the guest of `source` saw in the template: at once, and when the folder has been
 * opened by somebody, which has to put its bases in order.
 */
async function expectSameContent(
  template: string,
  { layout }: StoreContext,
  source: SourceName,
  name: string = source,
): Promise<void> {
  const original = layoutOf(template).instance(source);
  const dir = layout.instance(name);
  await expectSameDisk(original, dir);
  await recoverInstance(layout, name);
  await expectSaneBases(dir);
  await expectSameDisk(original, dir);
  if (name !== source || source !== 'tagged') return;
  expect(await contentsOf(dir)).toEqual(await originalSnapshots(original));
  expect(readInstance(layout, name).spec).toEqual(readInstance(layoutOf(template), source).spec);
}

async function expectSameDisk(original: InstanceDir, dir: InstanceDir): Promise<void> {
  await run('qemu-img', ['compare', '-q', '-s', original.disk, dir.disk]);
  await run('qemu-img', ['check', '-q', dir.disk]);
}

async function expectSaneBases(dir: InstanceDir): Promise<void> {
  const bases = (await readdir(dir.path)).filter((name) => name.startsWith('base-'));
  expect(bases.toSorted()).toEqual(backingChain(dir, readQcow2(dir.disk)).toSorted());
  for (const base of bases) expect((await lstat(dir.file(base))).mode & 0o777).toBe(0o444);
}

const snapshotsOfTemplates = new Map<string, Promise<Record<string, string>>>();

function originalSnapshots(original: InstanceDir): Promise<Record<string, string>> {
  const known = snapshotsOfTemplates.get(original.path) ?? contentsOf(original);
  snapshotsOfTemplates.set(original.path, known);
  return known;
}

function layoutOf(template: string): StoreLayout {
  return new StoreLayout(join(template, 'store'));
}
