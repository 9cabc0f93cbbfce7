import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { recoverInstance } from '../../src/vm/delete-instance.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { rowsOfFolder } from '../../src/vm/macs.js';
import { COMMAND } from '../support/bin.js';
import { briefStep } from '../support/brief-step.js';
import { withoutPhases } from '../support/command.js';
import { hashTree } from '../support/hash-tree.js';
import type { TracedCommand } from '../support/inject.js';
import { isVictim, type CrashPoint, type CrashScenario } from './try-once.js';

/** An instance that every template has, and no command is about. */
export const BYSTANDER = 'bystander';

/** What one run of a scenario works on: a folder of its own, with a store in it. */
export interface StoreContext {
  readonly folder: string;
  readonly layout: StoreLayout;
}

/** A command that is struck while it works on a copy of a store. */
export interface StoreScenario {
  /** A folder that holds `store/`, with the bystander, and what else the command needs. */
  readonly template: string;
  readonly args: (context: StoreContext) => readonly string[];
  /** Folders that must come out as they went in, relative to the template. */
  readonly untouched: readonly string[];
  /** All that the store may show afterwards, as `name state`, sorted by name. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /**
   * True: the command commits with a record, so that it may be halfway visible when it is struck after that; the next
   * command finishes it. Without a record nothing of it is ever seen.
   */
  readonly commits?: boolean;
  /**
   * The call that makes it visible, as `briefStep` has it, and which one of them where there are several. When the
   * command is killed it has taken effect if that call was made, and not otherwise.
   */
  readonly commit?: { readonly call: string; readonly times?: number };
  /** True: addresses that it has claimed stay claimed when it comes to nothing, and before it is finished. */
  readonly leaksRows?: boolean;
  /** True: run once more, it does the same once more, as what names its clones by itself. */
  readonly addsEachTime?: boolean;
  /** What runs it, in place of the built command. */
  readonly program?: (context: StoreContext) => TracedCommand['argv'];
  /** As of {@link CrashScenario}. */
  readonly mayLeave?: readonly string[];
  /** What it says on stderr when nothing strikes it. Default: nothing. */
  readonly says?: string;
  /** Further checks after the next command. `isAfter`: the command has taken effect. */
  readonly check?: (context: StoreContext, isAfter: boolean) => Promise<void>;
}

/**
 * Strikes a command, and checks what must hold after any strike. At once: nothing is half-visible, nothing else has
 * changed, a success that was reported is there, a failure was told without a stack trace. After the next command,
 * which does not wait: no staging, no trash, no row of a MAC that no instance has, nor an instance without its rows.
 */
export function storeScenario(scenario: StoreScenario): CrashScenario<StoreContext> {
  const { template } = scenario;
  const hashes = hashAll(template, scenario.untouched);
  const expectUntouched = async (folder: string): Promise<void> => {
    expect(await hashAll(folder, scenario.untouched)).toEqual(await hashes);
  };
  return {
    async prepare() {
      const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-crash-'));
      await run('cp', ['-a', '--', `${template}/.`, folder]);
      return { folder, layout: new StoreLayout(join(folder, 'store')) };
    },
    command: (context) => ({
      argv: scenario.program?.(context) ?? [...COMMAND, ...scenario.args(context)],
      root: context.folder,
      env: { MULTIPASS_STORAGE: context.layout.root, MULTIPASS_TS_CODE_CACHE: '' },
    }),
    async check(context, point) {
      const isAfter = await checkAtOnce(context, scenario, point);
      await expectUntouched(context.folder);
      await runNextCommand(context);
      expect(await shownBy(context)).toEqual(isAfter ? scenario.after : scenario.before);
      // A row may be durable before the note of who has claimed it is: nobody waits for that, for it does no harm.
      const mayLeakRows = scenario.leaksRows === true || point.strike === 'power cut';
      await checkNothingIsLeft(context, mayLeakRows);
      await expectUntouched(context.folder);
      await scenario.check?.(context, isAfter);
      const { commit } = scenario;
      const isError = point.strike !== 'none' && !isVictim(point.strike);
      if (commit === undefined || isError) return;
      const made = countCalls(point, commit.call);
      expect(isAfter, `"${commit.call}" was made ${made} times`).toBe(made >= (commit.times ?? 1));
    },
    store: ({ layout }) => layout,
    async checkRepeated(context) {
      if (scenario.addsEachTime === true) return;
      expect(await shownBy(context)).toEqual(scenario.after);
    },
    mayLeave: [
      ...(scenario.leaksRows === true ? ['mac-row-stray'] : []),
      ...(scenario.mayLeave ?? []),
    ],
    dispose: async ({ folder }) => await rm(folder, { recursive: true, force: true }),
  };
}

/** How often a killed command has made a call; the one that it was killed in has no effect. */
export function countCalls({ run: { steps }, step }: CrashPoint, call: string): number {
  return steps.filter((made, number) => number !== step && briefStep(made) === call).length;
}

/** A folder with a store in it, which `fill` puts instances into. The caller removes it. */
export async function makeTemplate(
  fill: (layout: StoreLayout, folder: string) => Promise<void>,
): Promise<string> {
  const template = await mkdtemp(join(tmpdir(), 'multipass-ts-template-'));
  const layout = new StoreLayout(join(template, 'store'));
  await initialiseStore(layout);
  await fill(layout, template);
  return template;
}

/** Answers whether the command has taken effect, or will have after the next one. */
async function checkAtOnce(
  context: StoreContext,
  { before, after, commits = false, says = '' }: StoreScenario,
  { run: { exitCode, stderr }, strike }: CrashPoint,
): Promise<boolean> {
  const shown = await shownBy(context);
  const hasCommitted = commits && (await hasCommit(context.layout));
  if (hasCommitted) expect(after).toEqual(expect.arrayContaining(shown));
  else expect([before, after]).toContainEqual(shown);
  const isAfter = hasCommitted || JSON.stringify(shown) === JSON.stringify(after);
  if (exitCode === 0) expect(isAfter, 'a success was reported').toBe(true);
  expect(stderr).not.toMatch(/^ +at /m);
  if (strike === 'none') expect([exitCode, withoutPhases(stderr)]).toEqual([0, says]);
  return isAfter;
}

async function shownBy({ layout }: StoreContext): Promise<string[]> {
  return (await listInstances(layout)).map(({ name, state }) => `${name} ${state}`);
}

async function hasCommit({ staging }: StoreLayout): Promise<boolean> {
  return (await readdir(staging)).some((name) => name.endsWith('.commit'));
}

/** Recovering what is not deleted changes nothing; but it is a command that changes the store, and so it sweeps. */
async function runNextCommand({ layout }: StoreContext): Promise<void> {
  const started = Date.now();
  await recoverInstance(layout, BYSTANDER);
  // The stale time of proper-lockfile, which nobody should ever have to wait for.
  expect(Date.now() - started).toBeLessThan(15_000);
}

async function checkNothingIsLeft({ layout }: StoreContext, mayLeakRows: boolean): Promise<void> {
  expect(await readdir(layout.staging)).toEqual([]);
  expect(await readdir(layout.trash)).toEqual([]);
  const rows = new Set<string>();
  for (const { name } of await listInstances(layout)) {
    for (const row of (await rowsOfFolder(layout.instance(name)))?.rows ?? []) rows.add(row);
  }
  const found = await readdir(layout.macs);
  if (mayLeakRows) expect(found).toEqual(expect.arrayContaining([...rows]));
  else expect(found.sort()).toEqual([...rows].sort());
}

async function hashAll(folder: string, names: readonly string[]): Promise<unknown[]> {
  return await Promise.all(names.map((name) => hashTree(join(folder, name))));
}
