import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GuardRunner, RUNNER_FILE, RUNNER_TEXT } from './guard-runner.js';
import { SIMULATION_TEST, SIMULATION_TEXT } from './guard-simulation.js';
import {
  CONFIG_TEXT,
  readReport,
  SETUP_TEXT,
  testsOfGuards,
  type GuardTest,
} from './guard-tests.js';
import { SWITCHES, SWITCHES_TEXT, type NumberedGuard } from './switchboard.js';
import { Workshop, type Verdict } from './workshop.js';

/** How long the tests of a mutant may take together, by what they took without: first a few, then more. */
const BATCHES = [
  { tests: 6, ms: 2_000, longestMs: 120_000 },
  { tests: 60, ms: 20_000, longestMs: 300_000 },
  { tests: 200, ms: 90_000, longestMs: 600_000 },
];

/** Which tests come to which guard. */
export interface Coverage {
  readonly covering: ReadonlyMap<number, readonly GuardTest[]>;
  /** Tests that fail without a mutant. */
  readonly failed: readonly string[];
}

/** A copy of the project in which each guard of the core has a switch. */
export class GuardWorkshop implements AsyncDisposable {
  readonly #workshop: Workshop;
  readonly #texts: ReadonlyMap<string, string>;

  private constructor(workshop: Workshop, texts: ReadonlyMap<string, string>) {
    this.#workshop = workshop;
    this.#texts = texts;
  }

  static async open(project: string, texts: ReadonlyMap<string, string>): Promise<GuardWorkshop> {
    const workshop = await Workshop.open(project);
    const { folder } = workshop;
    const made = { 'guard-setup.js': SETUP_TEXT, 'guards.config.js': CONFIG_TEXT };
    const programs = { [SWITCHES]: SWITCHES_TEXT, [RUNNER_FILE]: RUNNER_TEXT };
    const all = { ...made, ...programs, [SIMULATION_TEST]: SIMULATION_TEXT };
    for (const [file, text] of [...texts, ...Object.entries(all)])
      await writeFile(join(folder, file), text);
    await workshop.buildCommand();
    return new GuardWorkshop(workshop, texts);
  }

  /** Runs tests without a mutant, and finds which of them come to which guard; what it finds is kept in a folder. */
  async cover(files: readonly string[], kept: string): Promise<Coverage> {
    const { folder } = this.#workshop;
    const hash = createHash('sha256');
    for (const text of this.#texts.values()) hash.update(text);
    for (const file of files) hash.update(readFileSync(join(folder, file)));
    const hits = join(kept, hash.digest('hex').slice(0, 24));
    const report = join(hits, 'report.json');
    if (!existsSync(report)) {
      await rm(hits, { recursive: true, force: true });
      await mkdir(hits, { recursive: true, mode: 0o777 });
      const args = ['--config=guards.config.js', '--maxWorkers=2', ...files];
      const env = { MULTIPASS_MUTANT_HITS_IN: hits };
      await this.#workshop.vitest({ args, report, env, longestMs: 3_600_000 });
    }
    const { passed, failed } = readReport(report);
    return { covering: testsOfGuards(hits, passed), failed };
  }

  /** A process that tries mutants one after the other; several may work side by side. */
  runner(): GuardRunner {
    return new GuardRunner(this.#workshop.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workshop[Symbol.asyncDispose]();
  }
}

/** A fault ends it before; a simulation that never ends is a fault, too. */
const LONGEST_SIMULATION_MS = 600_000;

/**
 * Runs the tests that come to a guard with the guard off: those of its own file first, and then the quick ones; and at
 * last the simulation, which alone sees what a power cut leaves.
 */
export async function tryGuard(
  runner: GuardRunner,
  { id, file }: NumberedGuard,
  tests: readonly GuardTest[],
): Promise<Verdict> {
  const simulations = tests.filter((test) => test.file === SIMULATION_TEST);
  const queue = byNearness(
    file,
    tests.filter((test) => !simulations.includes(test)),
  );
  for (const batch of BATCHES) {
    const some: GuardTest[] = [];
    for (let ms = 0; queue[0] !== undefined && some.length < batch.tests;) {
      ms += queue[0].ms;
      if (some.length > 0 && ms > batch.ms) break;
      some.push(queue.shift()!);
    }
    if (some.length === 0) break;
    const verdict = await runner.run(id, some, batch.longestMs);
    if (verdict.failed !== undefined) return verdict;
  }
  if (simulations.length === 0) return { failed: undefined };
  return await runner.run(id, simulations, LONGEST_SIMULATION_MS);
}

function byNearness(file: string, tests: readonly GuardTest[]): GuardTest[] {
  const folder = dirname(file).replace(/^src/, 'test');
  const distance = (test: GuardTest): number => {
    if (dirname(test.file) !== folder) return basename(test.file) === 'durability.test.ts' ? 1 : 2;
    return basename(test.file, '.test.ts') === basename(file, '.ts') ? 0 : 1;
  };
  return [...tests].sort((a, b) => distance(a) - distance(b) || a.ms - b.ms);
}
