import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { StoreLayout } from '../../src/store/layout.js';
import { briefStep } from '../support/brief-step.js';
import { settleAll, violationsOf } from '../support/independent-check.js';
import { copyAtSyncs, type TracedRun } from '../support/inject.js';
import { mounted, withLoopMount, type LoopFileSystem } from '../support/loop-mount.js';
import type { StoreContext } from './store-scenario.js';
import type { CrashScenario } from './try-once.js';

/** XFS wants 300 MiB, and btrfs 120; most of it is a hole. */
const SIZES: Readonly<Record<LoopFileSystem, number>> = { ext4: 64, xfs: 320, btrfs: 160 };

/** A row may be durable before the note of who has claimed it is. */
const HARMLESS = ['mac-row-stray'];

/** What is tried by cutting the power. */
export interface PowerCuts {
  /** A folder that holds `store/`, as of a scenario. */
  readonly template: string;
  readonly scenario: CrashScenario<StoreContext>;
  /** The call that makes it visible, as `briefStep` has it, and the one after which that is durable. */
  readonly durable?: { readonly call: string; readonly sync: string } | undefined;
}

/**
 * Runs a command on a file system of its own, and cuts the power whenever it has synced or renamed something: what the
 * file system has written by then is copied, and that copy is mounted, by which its journal is replayed. In each of them
 * all must hold that holds after a kill; and at the end, what the command has reported must be there.
 * @returns how many cuts there were, the one at the end included
 */
export async function cutPower(
  fsType: LoopFileSystem,
  { template, scenario, durable }: PowerCuts,
): Promise<number> {
  const copies = await mkdtemp(join(tmpdir(), 'multipass-ts-power-'));
  try {
    const traced = await withLoopMount(fsType, SIZES[fsType], async (mount, image) => {
      const context = contextIn(mount);
      await mkdir(context.folder);
      await run('cp', ['-a', '--reflink=auto', '--', `${template}/.`, context.folder]);
      await run('sync', ['-f', mount]);
      const command = scenario.command(context);
      const made = await copyAtSyncs(command, { copy: image, to: copies });
      // The command has reported its success; nothing is written any more.
      await run('cp', ['--sparse=always', '--', image, join(copies, String(made.steps.length))]);
      expect([made.exitCode, made.stderr]).toEqual([0, expect.any(String)]);
      return made;
    });
    const cuts = (await readdir(copies)).map(Number).sort((a, b) => a - b);
    const problems: string[] = [];
    for (const cut of cuts) {
      const image = join(copies, String(cut));
      await checkCut(image, { traced, cut, scenario, durable }).catch((error: unknown) => {
        const last = traced.steps[cut - 1];
        const { actual, message } = error as Error & { actual?: unknown };
        const problem = actual === undefined ? message : `${message}: ${JSON.stringify(actual)}`;
        problems.push(`after step ${cut} (${last && briefStep(last)}): ${problem}`);
      });
      await rm(image);
    }
    expect(problems).toEqual([]);
    return cuts.length;
  } finally {
    await rm(copies, { recursive: true, force: true });
  }
}

function contextIn(mount: string): StoreContext {
  const folder = join(mount, 'run');
  return { folder, layout: new StoreLayout(join(folder, 'store')) };
}

interface Cut extends Pick<PowerCuts, 'scenario' | 'durable'> {
  readonly traced: TracedRun;
  /** How many steps were done. */
  readonly cut: number;
}

async function checkCut(image: string, { traced, cut, scenario, durable }: Cut): Promise<void> {
  const folder = `${image}.mount`;
  await mkdir(folder);
  await mounted(image, folder, async () => {
    const context = contextIn(folder);
    const { layout } = context;
    const isEnd = cut === traced.steps.length;
    const steps = traced.steps.slice(0, cut);
    expect(await violationsOf(layout, { atRest: false })).toEqual([]);
    // What has been reported, or was made durable, is there.
    const isDurable = isEnd || (durable !== undefined && isDone(steps.map(briefStep), durable));
    const exitCode = isDurable ? 0 : null;
    const ended = { ...traced, steps, fired: true, exitCode, stderr: '' };
    await scenario.check(context, { step: cut, strike: 'power cut', run: ended });
    await settleAll(layout);
    const left = await violationsOf(layout, { atRest: true });
    const harmful = left.filter(
      ({ kind }) => ![...HARMLESS, ...(scenario.mayLeave ?? [])].includes(kind),
    );
    expect(harmful).toEqual([]);
  });
  await rm(folder, { recursive: true });
}

function isDone(
  calls: readonly string[],
  { call, sync }: NonNullable<PowerCuts['durable']>,
): boolean {
  const made = calls.indexOf(call);
  return made >= 0 && calls.slice(made).includes(sync);
}
