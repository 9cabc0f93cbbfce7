import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { readMetaData } from '../../src/net/meta-data.js';
import { macsOfNetworkConfig } from '../../src/net/network-config.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { readSeed } from '../../src/vm/seed/seed.js';
import { recoverInstance } from '../../src/vm/delete-instance.js';
import { listSnapshots } from '../../src/vm/snapshots/list-snapshots.js';
import { performOperation } from '../../src/vm/pending/perform.js';
import { planSeedChange } from '../../src/vm/pending/seed-change.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { readSnapshots } from '../../src/vm/read-snapshots.js';
import { takeSnapshot } from '../../src/vm/snapshots/take-snapshot.js';
import { handMadeMac, makeInstance } from '../support/store-fixture.js';
import { briefStep } from '../support/brief-step.js';
import { contentOf, contentsOf } from '../support/disk-content.js';
import {
  BYSTANDER,
  countCalls,
  makeTemplate,
  storeScenario,
  type StoreContext,
} from './store-scenario.js';
import { replacing } from './struck.js';
import { isVictim, type CrashPoint, type CrashScenario } from './try-once.js';

const MIB = 1024 ** 2;

/** All that a snapshot operation changes or must not change. */
interface WebState {
  /** Index and parent, by name. */
  readonly records: Readonly<Record<string, readonly [number, number]>>;
  /** What the guest would read in each internal snapshot, by tag. */
  readonly contents: Readonly<Record<string, string>>;
  readonly active: string;
  readonly head: number;
  readonly cpus: number;
  readonly disk: number;
  readonly macs: readonly string[];
  readonly vmgenid: string;
  readonly seed: { readonly instanceId: string | null; readonly macs: readonly string[] };
}

/** `web` with the snapshots a, b and c, each the parent of the next; what is now differs from all of them. */
export interface SnapshotTemplate {
  readonly folder: string;
  readonly now: WebState;
  /** Interface and seed as they were at the time of `a`. */
  readonly then: Pick<WebState, 'cpus' | 'disk' | 'macs' | 'seed'>;
}

export async function snapshotTemplate(): Promise<SnapshotTemplate> {
  let now: WebState | undefined;
  let then: WebState | undefined;
  const folder = await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    const web = await makeInstance(layout, 'web', { data: 0, spec: { disk: 4 * MIB } });
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', web.disk, '4M']);
    await write(web, 1);
    await takeSnapshot({ layout, name: 'web', texts: { name: 'a' } });
    then = await stateOf(layout);
    await growOlder(layout);
    for (const [at, name] of ['b', 'c'].entries()) {
      await write(web, 2 + at);
      await takeSnapshot({ layout, name: 'web', texts: { name } });
    }
    await write(web, 4);
    now = await stateOf(layout);
  });
  return { folder, now: now!, then: then! };
}

/** One more interface and CPU, and a larger disk. */
async function growOlder(layout: StoreLayout): Promise<void> {
  const { dir, spec } = readInstance(layout, 'web');
  const mac = handMadeMac();
  await writeFile(layout.macRow(mac.toHex()), `${spec.uuid}\n`);
  const [first] = spec.interfaces;
  const interfaces = [first, { mac, network: 'br0', auto: true }] as const;
  const changes = interfaces.map((card, index) => ({
    ...card,
    old: card.mac,
    new: card.mac,
    index,
  }));
  await performOperation(dir, {
    step: { operation: 'resize', size: 8 * MIB },
    spec: { ...spec, disk: 8 * MIB, cpus: 2, interfaces: [...interfaces] },
    snapshots: new Map(),
    seed: planSeedChange(dir, { instanceId: 'web_e', interfaces: changes }).change,
  });
}

const WEB = 'store/instances/web';
const COMMIT = `rename ${WEB}/pending.json.* ${WEB}/pending.json`;

/** The calls that matter in one change of `web`, in their order. */
export const SNAPSHOT_STEPS: readonly string[] = [
  ...replacing(WEB, 'pending.json'),
  `fsync ${WEB}/disk.qcow2`,
  ...replacing(WEB, 'spec.json'),
  `unlink ${WEB}/pending.json`,
  `fsync ${WEB}`,
];

/**
 * A command on `web` that ends in the last of these states, and passes through no other, but where an error keeps it
 * from a part of what it was to do.
 */
export function snapshotScenario(
  { folder, now }: SnapshotTemplate,
  args: readonly string[],
  states: readonly WebState[],
  afterErrors: readonly WebState[] = [],
): CrashScenario<StoreContext> {
  const shown = ['bystander Stopped', 'web Stopped'];
  const base = storeScenario({
    template: folder,
    args: () => args,
    before: shown,
    after: shown,
    untouched: ['store/instances/bystander'],
  });
  return {
    ...base,
    async check(context, point) {
      await base.check(context, point);
      const { layout } = context;
      const listed = await namesListed(layout);
      await recoverInstance(layout, 'web');
      // What was listed is what there is.
      expect(await namesListed(layout)).toEqual(listed);
      const { dir, pending } = readInstance(layout, 'web');
      expect(pending).toBeUndefined();
      expect(existsSync(`${dir.seed}.new`)).toBe(false);
      const state = await stateOf(layout);
      // Each state is committed to by a record of what is pending, before anything of it is done.
      const commits = countCalls(point, COMMIT);
      // The power may be cut before a commit is durable.
      const possible = [commits, ...(isJustRenamed(point) ? [commits - 1] : [])];
      const isOrderly = ['none', 'power cut'].includes(point.strike) || isVictim(point.strike);
      const wanted = possible.map((number) => [now, ...states][number]!);
      const alike = [...wanted, ...(isOrderly ? [] : afterErrors)].map((one) =>
        withSameVmgenid(one, state),
      );
      expect(alike).toContainEqual(state);
      if (point.run.exitCode === 0) expect(commits).toBe(states.length);
      expect(Object.keys(state.contents).sort()).toEqual(tagsOfRecords(state));
      expect(listed).toEqual(Object.keys(state.records).sort());
      expect(await tagsByQemu(dir)).toEqual(tagsOfRecords(state));
      await run('qemu-img', ['check', '-q', dir.disk]);
    },
  };
}

function isJustRenamed({ strike, run: { steps } }: CrashPoint): boolean {
  const last = steps.at(-1);
  return strike === 'power cut' && last !== undefined && briefStep(last) === COMMIT;
}

/** The state after a command; a vmgenid of `new` stands for any other than that of the template. */
export function changed(state: WebState, changes: Partial<WebState>): WebState {
  return { ...state, ...changes };
}

/** Without one of the states of `contents`. */
export function without(contents: WebState['contents'], tag: string): WebState['contents'] {
  return Object.fromEntries(Object.entries(contents).filter(([name]) => name !== tag));
}

function withSameVmgenid(wanted: WebState, found: WebState): WebState {
  return wanted.vmgenid === 'new' ? { ...wanted, vmgenid: found.vmgenid } : wanted;
}

async function write(dir: InstanceDir, pattern: number): Promise<void> {
  const commands = [`write -P ${pattern} 0 1M`, `write -P ${pattern} ${pattern * 256 + 1024}k 64k`];
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((line) => ['-c', line]), dir.disk]);
}

async function stateOf(layout: StoreLayout): Promise<WebState> {
  const { dir, spec } = readInstance(layout, 'web');
  const { snapshotHead, cpus, disk, vmgenid, interfaces } = spec;
  const records = readSnapshots(dir, undefined);
  const textOf = (file: string): string =>
    readSeed(dir.seed)!
      .find(({ name }) => name === file)!
      .data.toString('utf8');
  const seedMacs = macsOfNetworkConfig(textOf('network-config'), 'network-config');
  return {
    records: Object.fromEntries(records.map(({ name, index, parent }) => [name, [index, parent]])),
    contents: await contentsOf(dir),
    active: await contentOf(dir),
    head: snapshotHead,
    cpus,
    disk,
    vmgenid,
    macs: interfaces.map(({ mac }) => mac.toString()),
    seed: {
      instanceId: readMetaData(textOf('meta-data')).instanceId,
      macs: seedMacs.map(({ mac }) => mac.toString()),
    },
  };
}

async function namesListed(layout: StoreLayout): Promise<string[]> {
  const { snapshots, problems, strays } = await listSnapshots(layout);
  expect([problems, strays]).toEqual([[], []]);
  return snapshots.map(({ record }) => record.name).sort();
}

function tagsOfRecords({ records }: WebState): string[] {
  return Object.values(records)
    .map(([index]) => `@s${index}`)
    .sort();
}

/** As `qemu-img snapshot -l` has it. */
async function tagsByQemu(dir: InstanceDir): Promise<string[]> {
  const { stdout } = await run('qemu-img', ['snapshot', '-l', dir.disk]);
  return [...stdout.matchAll(/^\d+\s+(\S+)/gm)].map(([, tag]) => tag!).sort();
}

export async function removeTemplate({ folder }: SnapshotTemplate): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
