import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { initialiseStore } from '../../../src/store/format.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { recordText } from '../../../src/files/record.js';
import { encodePending } from '../../../src/vm/records/pending-record.js';
import { openStore, type VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { countSteps, killAt } from '../../support/inject.js';
import { pretendToRun } from '../../support/pretend-to-run.js';
import { makeInstance, test as base } from '../../support/store-fixture.js';
import { fingerprint } from '../../support/fingerprint.js';
import { expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { SAMPLES, SOURCE_SPEC, type Sample } from './sample-operations.js';

let home: string;
/** A store with the one instance `web`, made once and copied for each test. */
let prototype: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
  prototype = join(home, 'prototype');
  const layout = new StoreLayout(prototype);
  await initialiseStore(layout);
  const dir = await makeInstance(layout, 'web', { spec: SOURCE_SPEC, thin: true, tags: 3 });
  for (const index of [1, 2, 3]) await writeSnapshot(dir, snapshotRecord(index));
  const create = ['create', '-q', '-f', 'qcow2', 'base-other.qcow2', '64M'];
  await run('qemu-img', create, { cwd: dir.path });
});
afterAll(() => rm(home, { recursive: true, force: true }));

const test = base.extend<{ store: VirtualMachineStore }>({
  store: async ({ root }, use) => {
    await run('cp', ['-a', prototype, root]);
    await use(openStore(root));
  },
});

async function begin(dir: InstanceDir, sample: Sample): Promise<void> {
  await writeFile(dir.pending, recordText(encodePending(sample.pending)));
}

const finished = new Map<Sample, Promise<InstanceDir>>();

/** The instance as it is when qemu-img was not killed. */
function finishedBy(sample: Sample): Promise<InstanceDir> {
  const made = finished.get(sample) ?? finish(sample, join(home, `finished-${finished.size}`));
  finished.set(sample, made);
  return made;
}

async function finish(sample: Sample, root: string): Promise<InstanceDir> {
  await run('cp', ['-a', prototype, root]);
  const dir = new StoreLayout(root).instance('web');
  await run('qemu-img', sample.step, { cwd: dir.path });
  for (const tag of sample.tags) await extract(dir.disk, tag);
  return dir;
}

function backingOf(disk: string): string | null {
  return readQcow2(disk).backingFile;
}

function tagsOf(disk: string): string[] {
  return readQcow2(disk).snapshots.map(({ name }) => name);
}

/** What a disk was when a snapshot was taken, as a disk of its own. */
async function extract(disk: string, tag: string): Promise<string> {
  const extracted = `${disk}.${tag}`;
  const image = ['-f', 'qcow2', '-O', 'qcow2', '-l', `snapshot.name=${tag}`, disk, extracted];
  await run('qemu-img', ['convert', ...image]);
  return extracted;
}

/** Clones, which finishes the operation first, and makes sure that source and clone are as they should be. */
async function expectFinished(store: VirtualMachineStore, sample: Sample): Promise<void> {
  const dir = store.layout.instance('web');
  const expected = await finishedBy(sample);
  const vm = await (await store.get('web')).clone();
  const copy = store.layout.instance(vm.name);

  expect(existsSync(dir.pending)).toBe(false);
  expect(await readFile(dir.spec, 'utf8')).toBe(recordText(sample.pending.spec ?? SOURCE_SPEC));
  expect(tagsOf(dir.disk)).toEqual(sample.tags);
  const records = (await store.get('web')).snapshots().map(({ record }) => record);
  const parents = records.map(({ index, parent }) => [index, parent]);
  expect(Object.fromEntries(parents)).toEqual(sample.parents);
  expect(records.map(({ index }) => `@s${index}`)).toEqual(sample.tags);

  await run('qemu-img', ['check', '-q', dir.disk]);
  await run('qemu-img', ['compare', '-s', expected.disk, dir.disk]);

  await run('qemu-img', ['check', '-q', copy.disk]);
  await run('qemu-img', ['compare', '-s', expected.disk, copy.disk]);
  expect(tagsOf(copy.disk)).toEqual([]);
  const backing = backingOf(expected.disk);
  expect([backingOf(dir.disk), backingOf(copy.disk)]).toEqual([backing, backing]);
  const { uuid, vmgenid, interfaces } = vm.spec;
  const told = { ...(sample.pending.spec ?? SOURCE_SPEC), snapshotHead: 0 };
  expect(vm.spec).toEqual({ ...told, uuid, vmgenid, interfaces });
}

describe('an operation in place that was begun', () => {
  for (const [name, sample] of Object.entries(SAMPLES)) {
    test(`is finished by a clone when qemu-img had not begun: ${name}`, async ({ store }) => {
      await begin(store.layout.instance('web'), sample);
      await expectFinished(store, sample);
    });

    test(`is finished by a clone when qemu-img was done: ${name}`, async ({ store }) => {
      const dir = store.layout.instance('web');
      await begin(dir, sample);
      await run('qemu-img', sample.step, { cwd: dir.path });
      await expectFinished(store, sample);
    });
  }

  test('is finished once when several clones find it', async ({ store }) => {
    await begin(store.layout.instance('web'), SAMPLES['snapshot']!);
    const vm = await store.get('web');
    const copies = await Promise.all([vm.clone(), vm.clone(), vm.clone()]);
    expect(new Set(copies.map(({ name }) => name)).size).toBe(3);
    expect(tagsOf(store.layout.instance('web').disk)).toEqual(SAMPLES['snapshot']!.tags);
  });

  test('is shown as finished, while nothing is written', async ({ store }) => {
    const sample = SAMPLES['delete-snapshot']!;
    await begin(store.layout.instance('web'), sample);
    const before = await fingerprint(store.root);
    const vm = await store.get('web');
    expect(vm.snapshots().map(({ record }) => record.index)).toEqual([1, 3]);
    expect((await store.list()).map(({ state }) => state)).toEqual(['Stopped']);
    expect(await fingerprint(store.root)).toEqual(before);
  });

  test('stays pending when it cannot be finished', async ({ store }) => {
    const dir = store.layout.instance('web');
    const pending = { operation: 'restore', arguments: { tag: '@s9' }, records: {} };
    await writeFile(dir.pending, JSON.stringify(pending));
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.clone(), 'TOOL_FAILED');
  });

  test('is refused when it would lead qemu-img or us elsewhere', async ({ store }) => {
    const dir = store.layout.instance('web');
    const vm = await store.get('web');
    const strange = [
      { operation: 'restore', arguments: { tag: '-d' }, records: {} },
      { operation: 'rebase', arguments: { backing: '/etc/passwd' }, records: {} },
      { operation: 'rebase', arguments: { backing: 'base-x.qcow2/../y' }, records: {} },
      { operation: 'resize', arguments: { size: '1G' }, records: {} },
      { operation: 'resize', arguments: { size: 1 }, records: { 'snapshots/../spec.json': null } },
      { operation: 'remove', arguments: {}, records: {} },
    ];
    for (const pending of strange) {
      await writeFile(dir.pending, JSON.stringify(pending));
      await expectRefusal(store, () => vm.clone(), 'RECORD_INVALID');
    }
  });
});

describe('a qemu-img that was killed in the middle', () => {
  for (const name of ['restore', 'delete-snapshot']) {
    const sample = SAMPLES[name]!;

    test(`is made whole by a clone, wherever it was: ${name}`, async ({ root }) => {
      const copyOf = async (path: string): Promise<InstanceDir> => {
        await run('cp', ['-a', prototype, path]);
        return new StoreLayout(path).instance('web');
      };
      const commandIn = ({ path }: InstanceDir): Parameters<typeof killAt>[0] => ({
        argv: ['qemu-img', ...sample.step],
        root: path,
        cwd: path,
      });
      const { steps } = await countSteps(commandIn(await copyOf(`${root}-counted`)));
      const isSync = (at: number): boolean => steps[at]!.syscall.endsWith('sync');
      // Between two syncs qemu-img writes what belongs together.
      const points = [...steps.keys()].filter((at) => at > 1 && isSync(at - 1) && !isSync(at));
      expect(points.length).toBeGreaterThan(3);
      const expected = await finishedBy(sample);
      for (const step of points) {
        const path = `${root}-killed-${step}`;
        const dir = await copyOf(path);
        await begin(dir, sample);
        const killed = await killAt(commandIn(dir), { step, victim: 'main' });
        expect(killed).toMatchObject({ fired: true, signal: 'SIGKILL' });
        await expectFinished(openStore(path), sample);
        for (const tag of sample.tags) {
          const [ours, theirs] = [await extract(dir.disk, tag), `${expected.disk}.${tag}`];
          await run('qemu-img', ['compare', '-s', theirs, ours]);
        }
        await rm(path, { recursive: true });
      }
    });
  }
});

describe('a QEMU that died without its farewell', () => {
  /** Marks a cluster behind the end as used, by nobody: two bytes of the first block of reference counts. */
  async function leak(disk: string): Promise<void> {
    const { size } = await stat(disk);
    const cluster = Math.ceil(size / 65_536);
    const file = await open(disk, 'r+');
    await file.write(Buffer.from([0, 1]), 0, 2, 2 * 65_536 + 2 * cluster);
    await file.truncate((cluster + 1) * 65_536);
    await file.close();
  }

  const notes = {
    'a pid that nobody has': JSON.stringify({ pid: 4_194_305, startTime: '1' }),
    'a pid that another process has now': JSON.stringify({ pid: process.pid, startTime: '1' }),
    'no pid at all': 'torn',
  };
  for (const [what, note] of Object.entries(notes)) {
    test(`has its disk repaired by a clone: ${what}`, async ({ store }) => {
      const dir = store.layout.instance('web');
      await leak(dir.disk);
      const check = ['check', '-q', dir.disk];
      await expect(run('qemu-img', check)).rejects.toMatchObject({ exitCode: 3 });
      await mkdir(dir.file('run'));
      await writeFile(dir.qemuPid, note);
      await writeFile(dir.file('run/known_hosts'), 'kept');
      const copy = await (await store.get('web')).clone();
      await run('qemu-img', check);
      expect(await readdir(dir.file('run'))).toEqual(['known_hosts']);
      await run('qemu-img', ['compare', dir.disk, store.layout.instance(copy.name).disk]);
    });
  }

  test('is not taken for one that lives', async ({ store }) => {
    const dir = store.layout.instance('web');
    await pretendToRun(dir);
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.clone(), 'INSTANCE_NOT_STOPPED');
  });
});
