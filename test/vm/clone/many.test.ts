import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import type { Progress } from '../../../src/work.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { deleteInstance } from '../../../src/vm/delete-instance.js';
import type { VirtualMachine } from '../../../src/vm/virtual-machine.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';
import { initialiseStore } from '../../../src/store/format.js';
import { openStore } from '../../../src/vm/virtual-machine-store.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { expectSoundStore } from '../../support/sound-store.js';
import { contentOf, writeData } from '../../support/disk-content.js';
import { childProcesses } from './child-processes.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { replaceProgram } from '../../support/replace-program.js';

function namesOf(vms: readonly VirtualMachine[]): string[] {
  return vms.map(({ name }) => name);
}

describe('several clones at once', () => {
  for (const linked of [false, true]) {
    test(`are all there, each with an identity of its own (linked: ${linked})`, async ({
      store,
    }) => {
      const { layout } = store;
      const interfaces = [
        { mac: handMadeMac(), network: null, auto: true },
        { mac: handMadeMac(), network: 'br0', auto: true },
      ] as const;
      const dir = await makeInstance(layout, 'web', { tags: linked ? 1 : 0, spec: { interfaces } });
      if (linked) await writeSnapshot(dir, snapshotRecord(1, { interfaces }));
      const content = await contentOf(dir);
      const copies = await (await store.get('web')).cloneMany(3, 'node-{n}', { linked });
      expect(namesOf(copies)).toEqual(['node-1', 'node-2', 'node-3']);
      for (const { name, spec } of copies) {
        expect(await contentOf(layout.instance(name))).toBe(content);
        const seed = readSeed(layout.instance(name).seed) ?? [];
        const text = seed.map(({ data }) => data.toString()).join('');
        expect(text).toContain(`local-hostname: ${name}\n`);
        expect(text).toContain(`instance-id: ${spec.uuid}\n`);
        for (const { mac } of spec.interfaces) expect(text).toContain(mac.toString());
      }
      // Distinct uuids and MACs, each with its row; nothing left over.
      expect(await expectSoundStore(layout)).toEqual(['node-1', 'node-2', 'node-3', 'web']);
    });
  }

  test('of a source with snapshots share one base that is made once', async ({ store, root }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { tags: 1 });
    const vm = await store.get('web');
    const log = `${root}.log`;
    await replaceProgram(`${root}-programs`, 'qemu-img', `echo "$1" >>${log}; exec "$REAL" "$@"`);
    const copies = await vm.cloneMany(4, undefined, { linked: true });
    const { stdout } = await run('sort', [log]);
    expect(stdout.trim().split('\n')).toEqual(['convert']);
    const bases = copies.map(({ name }) => readQcow2(layout.instance(name).disk).backingFile);
    expect(new Set(bases).size).toBe(1);
    // Each writes for itself.
    const [first, second] = namesOf(copies).map((name) => layout.instance(name));
    const before = await contentOf(second!);
    await writeData(first!, 5);
    expect(await contentOf(second!)).toBe(before);
  });

  test('fill the gaps among the automatic names', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    for (const name of ['web-clone2', 'web-clone4']) await makeInstance(layout, name, { data: 0 });
    await mkdir(layout.instance('web-clone3').path);
    await deleteInstance(layout, 'web-clone4');
    const copies = await (await store.get('web')).cloneMany(3);
    // An empty folder is nothing, but whoever looks at names alone keeps away from it.
    expect(namesOf(copies)).toEqual(['web-clone1', 'web-clone5', 'web-clone6']);
  });

  test('may be one, with a name that has no {n} in it', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const vm = await store.get('web');
    expect(namesOf(await vm.cloneMany(1, 'lonely'))).toEqual(['lonely']);
    expect(namesOf(await vm.cloneMany(1))).toEqual(['web-clone1']);
    expect(namesOf(await vm.cloneMany(2, '{n}x{n}'.replace('{n}', 'a{n}')))).toEqual([
      'a1x1',
      'a2x2',
    ]);
  });

  test('tell how far they are, and what they came to', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const seen: Progress[] = [];
    const onProgress = (progress: Progress): number => seen.push(progress);
    const report = await cloneInstance({ layout, source: 'web', count: 4, work: { onProgress } });
    const done = seen.flatMap(({ fraction }) => fraction ?? []);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done).toEqual(expect.arrayContaining([0, 0.25, 0.5, 0.75, 1]));
    expect(seen.at(-1)).toMatchObject({ phase: 'publishing', fraction: null });
    expect(report).toMatchObject({ dryRun: false, source: 'web', snapshot: null });
    expect(report.clones.map(({ name }) => name)).toHaveLength(4);
    const sizes = report.clones.map(
      ({ name }) => readQcow2(layout.instance(name).disk).virtualSize,
    );
    expect(sizes).toEqual([64, 64, 64, 64].map((mebibytes) => mebibytes * 1024 ** 2));
    expect(Object.keys(report.timingsMs)).toEqual(['prepare', 'copy', 'publish']);
  });

  test('by two commands at once all get names', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const vm = await store.get('web');
    const groups = await Promise.all(
      [1, 2, 3].map(() => vm.cloneMany(5, undefined, { linked: true })),
    );
    const names = groups.flatMap(namesOf);
    const wanted = Array.from({ length: 15 }, (_, at) => `web-clone${at + 1}`);
    expect(names.toSorted()).toEqual(wanted.toSorted());
    for (const name of names) {
      const [metaData] = readSeed(layout.instance(name).seed) ?? [];
      expect(metaData?.data.toString()).toContain(`local-hostname: ${name}\n`);
    }
    await expectSoundStore(layout);
  });
});

describe('several clones are all refused', () => {
  test('when one name is taken, is being prepared or cannot be', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'node-2', { data: 0 });
    await writeFile(layout.instance('file-3').path, 'a file in the way');
    const vm = await store.get('web');
    const long = `${'n'.repeat(62)}{n}`;
    const cases = [
      [3, 'node-{n}', 'NAME_TAKEN'],
      [3, 'file-{n}', 'NAME_TAKEN'],
      [10, long, 'INVALID_NAME'],
      [2, '{n}-node', 'INVALID_NAME'],
      [2, 'no.de{n}', 'INVALID_NAME'],
      [2, 'node', 'INVALID_ARGUMENT'],
    ] as const;
    for (const [count, pattern, code] of cases) {
      await expectRefusal(store, () => vm.cloneMany(count, pattern), code);
    }
  });

  test('when there are none to be, or too many', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const vm = await store.get('web');
    for (const count of [0, -1, 1.5, NaN, Infinity, 10_001]) {
      await expectRefusal(store, () => vm.cloneMany(count), 'INVALID_ARGUMENT');
    }
  });

  test('when somebody takes one of the names at the last moment', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const vm = await store.get('web');
    const takeIt = async ({ phase }: Progress): Promise<void> => {
      if (phase === 'publishing') await makeInstance(layout, 'node-3', { data: 0 });
    };
    let taking = Promise.resolve();
    const onProgress = (progress: Progress): void => {
      taking = taking.then(() => takeIt(progress));
    };
    // The work is held up until the name is taken.
    await replaceProgram(
      `${store.root}-programs`,
      'sync',
      `while [ ! -e ${layout.instance('node-3').seed} ]; do sleep 0.05; done; exec "$REAL" "$@"`,
    );
    const error = await errorOf(
      vm.cloneMany(4, 'node-{n}', { work: { onProgress } }),
      'NAME_TAKEN',
    );
    await taking;
    expect(error.message).toBe('instance "node-3" already exists');
    expect(await expectSoundStore(layout)).toEqual(['node-3', 'web']);
  });

  for (const phase of ['copying', 'publishing'] as const) {
    test(`when they are interrupted while ${phase}`, async ({ store }) => {
      await makeInstance(store.layout, 'web');
      const vm = await store.get('web');
      const abort = new AbortController();
      const onProgress = (progress: Progress): void => {
        const isNow =
          progress.phase === phase && (phase === 'publishing' || progress.fraction! >= 0.5);
        if (isNow) abort.abort();
      };
      const options = { work: { signal: abort.signal, onProgress } };
      await expectRefusal(store, () => vm.cloneMany(4, undefined, options), 'ABORTED');
    });
  }

  test('when they are interrupted while the disks are being synced', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const vm = await store.get('web');
    await replaceProgram(`${store.root}-programs`, 'sync', 'exec sleep 600');
    const abort = new AbortController();
    const cloning = async (): Promise<unknown> => {
      const copies = vm.cloneMany(2, undefined, { work: { signal: abort.signal } });
      while (!(await childProcesses()).some((line) => line.includes('sleep 600'))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      abort.abort();
      return await copies;
    };
    await expectRefusal(store, cloning, 'ABORTED');
    expect(await readdir(store.layout.instances)).toEqual(['web']);
  });
});

describe.runIf(canLoopMount)('several clones for which there is no space', () => {
  test('are refused before the first of them', async () => {
    await withLoopMount('ext4', 64, async (folder) => {
      const store = openStore(`${folder}/store`);
      await initialiseStore(store.layout);
      await makeInstance(store.layout, 'web', { data: 8 });
      const vm = await store.get('web');
      const phases: string[] = [];
      const onProgress = ({ phase }: Progress): number => phases.push(phase);
      const cloning = (): Promise<unknown> => vm.cloneMany(6, undefined, { work: { onProgress } });
      const error = await expectRefusal(store, cloning, 'DISK_FULL');
      expect(error.details['needed']).toBeGreaterThan(6 * 8 * 1024 ** 2);
      expect(phases).toEqual([]);
      // One after the other would have done for a while, and linked ones all fit.
      expect(await vm.cloneMany(6, undefined, { linked: true })).toHaveLength(6);
    });
  });
});
