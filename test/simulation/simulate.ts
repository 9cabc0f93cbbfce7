import { anyCommand, carryOut, type Attempt, type Command } from './command.js';
import { examine, type Item } from './examine.js';
import { install, ROOT, type FirstStore } from './fixture.js';
import type { Regime } from './model/journal.js';
import { Random } from './random.js';
import { knownAtFirst } from './known-at-first.js';
import { describe, learn, verify, type Known } from './verify.js';
import type { Loadable } from './world/product.js';
import { World } from './world/scheduler.js';
import { VirtualProcess } from './world/virtual-process.js';

/** What a seed came to. */
export interface Outcome {
  readonly seed: number;
  readonly calls: number;
  readonly commands: number;
  readonly kills: number;
  readonly cuts: number;
  /** What was wrong; nothing, if all held. */
  readonly faults: readonly string[];
}

/** What is simulated, and with what. */
export interface Simulation {
  readonly product: Loadable;
  readonly store: FirstStore;
  readonly trace?: (line: string) => void;
}

const REGIMES: readonly Regime[] = ['ordered', 'logged', 'loose'];
const CALLS_OF_A_COMMAND = 450;

/** Lets happen what a seed says, and looks whether all holds that docs/store-layout.md and the commands promise. */
export async function simulate(
  seed: number,
  { product, store, trace }: Simulation,
): Promise<Outcome> {
  const random = new Random(seed);
  const regime = random.pick(REGIMES);
  const canShare = random.oneIn(2);
  trace?.(`seed ${seed}: ${regime}${canShare ? ', shares extents' : ''}`);
  const world = new World({ random: random.fork(), regime, canShare, trace });
  install(store, world);
  const faults: string[] = [];
  const count = { kills: 0, cuts: 0, commands: 0 };
  let known: ReadonlyMap<string, Known> = knownAtFirst(
    examine(rootOf(world), { atRest: true, mayLeak: false }).seen,
  );
  try {
    for (let round = 2 + random.below(3); round > 0 && faults.length === 0; round -= 1) {
      const attempts: Attempt[] = [];
      const processes = 1 + random.below(4);
      const { kind, strike } = anyStrike(random, processes);
      world.plan(strike);
      const [strikes, boot] = [world.strikes, world.boot];
      for (let index = 0; index < processes; index += 1) {
        const commands = Array.from({ length: 1 + random.below(2) }, () => anyCommand(random));
        start(world, { product, name: `P${index + 1}`, commands, attempts });
      }
      await world.runUntil(() => world.processes.size === 0);
      world.plan(undefined);
      if (world.strikes > strikes) count[world.boot > boot ? 'cuts' : 'kills'] += 1;
      trace?.(`-------- ${kind}; now as it is found`);
      const mayLeak = count.cuts > 0;
      faults.push(...examine(rootOf(world), { atRest: false, mayLeak }).faults);
      await settle(world, product);
      const { seen: after, faults: left } = examine(rootOf(world), { atRest: true, mayLeak });
      faults.push(...left, ...verify({ before: known, after, attempts }));
      for (const { command, outcome, code } of attempts)
        trace?.(`-------- ${describe(command)}: ${outcome ?? 'killed'} ${code ?? ''}`);
      count.commands += attempts.length;
      known = learn({ before: known, after });
    }
  } catch (error) {
    faults.push((error as Error).stack ?? String(error));
  }
  faults.push(...world.gaps.map((gap) => `the simulation lacks ${gap}`));
  return { seed, calls: world.calls, ...count, faults };
}

function rootOf({ files }: World): Item {
  return files.stat(ROOT, { follow: false, syscall: 'stat' });
}

function anyStrike(
  random: Random,
  processes: number,
): { kind: string; strike: Parameters<World['plan']>[0] } {
  if (random.oneIn(5)) return { kind: 'nobody was struck', strike: undefined };
  const kind = random.oneIn(3) ? 'cut' : 'kill';
  const afterCalls = random.below(CALLS_OF_A_COMMAND * processes);
  return { kind, strike: { kind, afterCalls, isBefore: random.oneIn(2) } };
}

interface Started {
  readonly product: Loadable;
  readonly name: string;
  readonly commands: readonly Command[];
  readonly attempts: Attempt[];
}

/** A process that carries out some commands, one after the other. */
function start(world: World, { product, name, commands, attempts }: Started): void {
  const process = new VirtualProcess(world, name);
  const loaded = product.in(process);
  const life = async (): Promise<void> => {
    for (const command of commands) {
      const attempt: Attempt = {
        command,
        outcome: undefined,
        code: undefined,
        isPending: false,
        error: undefined,
        made: new Map(),
      };
      attempts.push(attempt);
      world.tell(`-------- ${name} (${process.pid}) begins: ${describe(command)}`);
      try {
        const made = await carryOut(loaded, command);
        if (process.isDead) return;
        Object.assign(attempt, { made, outcome: 'done' });
      } catch (error) {
        if (process.isDead) return;
        const { code, details } = error as { code?: string; details?: { pending?: unknown } };
        const isPending = details?.pending !== undefined;
        Object.assign(attempt, { outcome: 'failed', error, code, isPending });
      }
    }
    process.die();
  };
  void world.step(process, { label: 'begins', work: () => void life() });
}

/** One more command on each instance. */
async function settle(world: World, product: Loadable): Promise<void> {
  const process = new VirtualProcess(world, 'settle');
  let isDone = false;
  let failure: unknown;
  const life = async (): Promise<void> => {
    try {
      await product.in(process).settleAll(ROOT);
    } catch (error) {
      failure = error;
    }
    isDone = true;
    process.die();
  };
  void life();
  await world.runUntil(() => isDone && world.processes.size === 0);
  if (failure !== undefined) {
    throw new Error(`one more command failed: ${(failure as Error).message}`, { cause: failure });
  }
}
