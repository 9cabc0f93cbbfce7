import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import type { InstanceSpec } from '../../../src/vm/records/spec.js';
import { contentOf } from '../../support/disk-content.js';
import { expectNothingLeft, test, type GuestStore } from './support.js';

/** The tests of this file are the steps of one story: each goes on where the one before it ended. */

const MIB = 1024 ** 2;

/** A state of the instance that a snapshot is taken of. */
interface State {
  readonly name: string;
  readonly parent: string | null;
  /** The internal snapshot of the disk. */
  readonly tag: string;
  readonly cpus: number;
  /** In MiB, as the disk: the guest finds a little less. */
  readonly memory: number;
  readonly disk: number;
}

const TRUNK: readonly State[] = [
  { name: 's1', parent: null, tag: '@s1', cpus: 1, memory: 512, disk: 1024 },
  { name: 's2', parent: 's1', tag: '@s2', cpus: 2, memory: 512, disk: 1024 },
  { name: 's3', parent: 's2', tag: '@s3', cpus: 2, memory: 640, disk: 1024 },
  { name: 's4', parent: 's3', tag: '@s4', cpus: 2, memory: 640, disk: 1280 },
  { name: 's5', parent: 's4', tag: '@s5', cpus: 1, memory: 768, disk: 1536 },
];
/** Its disk has been larger, and has become smaller again with the restore before it. */
const BRANCH: State = { ...state(TRUNK, 's2'), name: 's2b', parent: 's2', tag: '@s6', disk: 1152 };
const TREE: readonly State[] = [...TRUNK, BRANCH];
/** Without the one in the middle, whose child has its parent now. */
const LATER = TREE.filter(({ name }) => name !== 's3').map((one) =>
  one.name === 's4' ? { ...one, parent: 's2' } : one,
);

/** What was in each state when its snapshot was taken. */
const taken = new Map<string, { readonly files: string; readonly content: string }>();

describe('a guest', () => {
  test.for(TRUNK)('is brought to $name, and its snapshot taken', async (wanted, { guests }) => {
    const { name } = wanted;
    if (name === 's1') {
      await guests.launch('web', '--disk', '1G');
    } else {
      await adjust(guests, wanted);
      await guests.ok(['start', 'web']);
      // What it says of its files now is what it said before it was stopped.
      expect(await filesOf(guests)).toBe(taken.get(wanted.parent ?? '')?.files);
    }
    expect(await hardwareOf(guests)).toEqual(hardware(wanted));
    await change(guests, wanted);
    await takeSnapshot(guests, wanted, await stopWith(guests));
    await expectTree(guests, TRUNK.slice(0, TRUNK.indexOf(wanted) + 1));
  });

  test('goes back, and on from there beside what has come of it', async ({ guests }) => {
    await restore(guests, state(TREE, 's2'), TRUNK);
    expect((await guests.multipass(['set', 'local.web.disk=1023M'])).stderr).toContain(
      'Disk can only be expanded',
    );
    await guests.ok(['start', 'web']);
    await expectInGuest(guests, state(TREE, 's2'));
    await expectRefusals(guests);
    await expectLiveDeletion(guests);
    await change(guests, BRANCH);
    const files = await stopWith(guests);
    await adjust(guests, BRANCH);
    await takeSnapshot(guests, BRANCH, files);
    await expectTree(guests, TREE);
  });

  test('has the disk of each state again, in whatever order', async ({ guests }) => {
    for (const name of ['s5', 's1', 's4', 's2b', 's3', 's2', 's5']) {
      await restore(guests, state(TREE, name), TREE);
    }
  });

  test('boots with the files, the processors, the memory and the disk of a state', async ({
    guests,
  }) => {
    await guests.ok(['start', 'web']);
    await expectInGuest(guests, state(TREE, 's5'));
    await guests.sh('web', 'rm -rf own-* log blob; sync');
    await guests.ok(['stop', 'web']);
    await restore(guests, state(TREE, 's2b'), TREE);
  });

  test('loses nothing with a snapshot in the middle but that one', async ({ guests }) => {
    await guests.ok(['delete', '--purge', 'web.s3']);
    await expectTree(guests, LATER);
    for (const name of ['s5', 's2', 's4']) await restore(guests, state(LATER, name), LATER);
    await guests.ok(['start', 'web']);
    await expectInGuest(guests, state(TREE, 's4'));
    await guests.ok(['stop', 'web']);
  });

  test('boots as it was in the beginning', async ({ guests }) => {
    await restore(guests, state(LATER, 's1'), LATER);
    await guests.ok(['start', 'web']);
    await expectInGuest(guests, state(TREE, 's1'));
    await guests.ok(['stop', 'web']);
    await expectNothingLeft(guests.layout, { web: 'Stopped' });
  });
});

function state(states: readonly State[], name: string): State {
  const found = states.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no state "${name}"`);
  return found;
}

/** Sets what differs. */
async function adjust({ ok, layout }: GuestStore, wanted: State): Promise<void> {
  const { cpus, memory, disk } = wanted;
  const now = settingsIn(readInstance(layout, 'web').spec);
  if (cpus !== now.cpus) await ok(['set', `local.web.cpus=${cpus}`]);
  if (memory !== now.memory) await ok(['set', `local.web.memory=${memory}M`]);
  if (disk !== now.disk) await ok(['set', `local.web.disk=${disk}M`]);
}

/** Writes files that no other state has, over what others have, and removes one of an earlier state. */
async function change(guests: GuestStore, { name }: State): Promise<void> {
  const script = [
    `echo ${name} >>log; echo "that of ${name}" >own-${name}`,
    '[ -e blob ] || head -c 4000000 /dev/zero >blob',
    'dd if=/dev/urandom of=blob bs=64k count=16 conv=notrunc 2>/dev/null',
    ...(name === 's4' ? ['rm own-s2'] : []),
    'sync',
  ];
  await guests.sh('web', script.join('\n'));
}

async function filesOf(guests: GuestStore): Promise<string> {
  return await guests.sh('web', 'sha256sum *; cat log');
}

/** @returns the files that it had when it was stopped */
async function stopWith(guests: GuestStore): Promise<string> {
  const files = await filesOf(guests);
  await guests.ok(['stop', 'web']);
  return files;
}

async function takeSnapshot(guests: GuestStore, { name }: State, files: string): Promise<void> {
  expect(await guests.ok(['snapshot', 'web', '--name', name])).toBe(
    `Snapshot taken: web.${name}\n`,
  );
  taken.set(name, { files, content: await contentOf(guests.layout.instance('web')) });
}

/** Restores it over whatever there is, and makes sure that the disk and the settings are what they were. */
async function restore(guests: GuestStore, to: State, tree: readonly State[]): Promise<void> {
  const { name } = to;
  expect(await guests.ok(['restore', '--destructive', `web.${name}`])).toBe(
    `Snapshot restored: web.${name}\n`,
  );
  expect(await contentOf(guests.layout.instance('web')), name).toBe(taken.get(name)?.content);
  const { spec, disk } = readInstance(guests.layout, 'web');
  expect(settingsIn(spec)).toEqual(hardware(to));
  expect(disk.virtualSize).toBe(spec.disk);
  await expectTree(guests, tree);
}

/** Makes sure that the guest has what it had in a state. */
async function expectInGuest(guests: GuestStore, wanted: State): Promise<void> {
  const files = await filesOf(guests);
  expect(files).toBe(taken.get(wanted.name)?.files);
  expect(files.endsWith(`\n${pathTo(wanted).join('\n')}`), files).toBe(true);
  expect(await hardwareOf(guests)).toEqual(hardware(wanted));
}

/** From the first state to this one. */
function pathTo({ name, parent }: State): string[] {
  return parent === null ? [name] : [...pathTo(state(TREE, parent)), name];
}

type Hardware = Pick<State, 'cpus' | 'memory' | 'disk'>;

function hardware({ cpus, memory, disk }: State): Hardware {
  return { cpus, memory, disk };
}

function settingsIn({ cpus, memory, disk }: InstanceSpec): Hardware {
  return { cpus, memory: memory / MIB, disk: disk / MIB };
}

/** What the guest has to work with; the kernel keeps some of the memory, less than 128 MiB. */
async function hardwareOf(guests: GuestStore): Promise<Hardware> {
  const questions = [
    'nproc',
    "awk '/^MemTotal/ { print $2 }' /proc/meminfo",
    'sudo blockdev --getsize64 /dev/sda',
  ];
  const answers = (await guests.sh('web', questions.join('; '))).split('\n').map(Number);
  const [cpus = 0, kibibytes = 0, bytes = 0] = answers;
  return { cpus, memory: Math.ceil(kibibytes / 1024 / 128) * 128, disk: bytes / MIB };
}

/**
 * Makes sure that the list, the disk and the instance agree on which snapshots there are, and that the disk is sound.
 */
async function expectTree({ ok, layout }: GuestStore, tree: readonly State[]): Promise<void> {
  const rows = tree.map(({ name, parent }) => `web,${name},${parent ?? ''},""\n`);
  expect(await ok(['list', '--snapshots', '--format', 'csv'])).toBe(
    `Instance,Snapshot,Parent,Comment\n${rows.join('')}`,
  );
  const { disk } = layout.instance('web');
  const { stdout } = await run('qemu-img', ['snapshot', '-l', disk]);
  const tags = [...stdout.matchAll(/^\d+\s+(\S+)/gm)].map(([, tag]) => tag);
  expect(tags).toEqual(tree.map(({ tag }) => tag));
  await run('qemu-img', ['check', '-q', disk]);
}

/** A snapshot of a running guest goes as it has come: the guest does not notice. */
async function expectLiveDeletion(guests: GuestStore): Promise<void> {
  const { layout, ok } = guests;
  const [bootId, before] = [await guests.bootId('web'), readInstance(layout, 'web')];
  await ok(['snapshot', 'web', '--live', '--memory', '--name', 'hot']);
  expect(readInstance(layout, 'web').disk.snapshots).toHaveLength(before.disk.snapshots.length + 1);
  await ok(['delete', '--purge', 'web.hot']);
  const after = readInstance(layout, 'web');
  expect(after.spec).toEqual(before.spec);
  expect(after.disk.snapshots.map(({ name }) => name)).toEqual(
    before.disk.snapshots.map(({ name }) => name),
  );
  expect(await guests.bootId('web')).toBe(bootId);
  await expectNothingLeft(layout, { web: 'Running' });
}

/** Makes sure that nothing is done to the snapshots of a guest that runs, which does not notice. */
async function expectRefusals(guests: GuestStore): Promise<void> {
  const { layout, multipass } = guests;
  const [bootId, before] = [await guests.bootId('web'), readInstance(layout, 'web')];
  for (const [words, told] of [
    ['restore --destructive web.s5', 'Multipass can only restore snapshots of stopped instances.'],
    ['snapshot web', 'Multipass can only take snapshots of stopped instances.'],
    ['set local.web.cpus=4', 'Instance must be stopped for modification'],
  ] as const) {
    const { stdout, stderr, exitCode } = await multipass(words.split(' '));
    expect({ words, stdout, exitCode }).toEqual({ words, stdout: '', exitCode: 2 });
    expect(stderr).toContain(told);
  }
  const after = readInstance(layout, 'web');
  expect([after.spec, after.disk.snapshots]).toEqual([before.spec, before.disk.snapshots]);
  expect(await guests.bootId('web')).toBe(bootId);
  await expectNothingLeft(layout, { web: 'Running' });
}
