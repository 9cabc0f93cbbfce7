import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { GuardTest } from './guard-tests.js';
import type { Verdict } from './workshop.js';

/** What a runner is told: a mutant, and the tests to run with it. */
interface Task {
  readonly mutant: string;
  readonly files: readonly string[];
  readonly pattern: string;
}

/** What it answers: the first test that failed, and how many were run. */
interface Answer {
  readonly failed?: string;
  readonly ran: number;
}

const ENDED: Answer = { failed: 'the tests ended with their process', ran: 1 };

/** The file of the program below, in a workshop. */
export const RUNNER_FILE = 'guard-runner.mjs';

/**
 * A process that has Vitest once and runs some of the tests again and again: its start takes longer than most of them.
 * Each file has a worker of its own, which the mutant is told by the environment.
 */
export const RUNNER_TEXT = `
import { createVitest } from 'vitest/node';
const options = {
  config: 'guards.config.js', run: true, watch: false, bail: 1, maxWorkers: 1, reporters: [{}],
};
const vitest = await createVitest('test', options);
const all = await vitest.globTestSpecifications();
process.on('message', async ({ mutant, files, pattern }) => {
  process.env.MULTIPASS_MUTANT = mutant;
  vitest.state.filesMap.clear();
  vitest.state.idMap.clear();
  vitest.state.clearErrors();
  vitest.setGlobalTestNamePattern(new RegExp(pattern));
  const chosen = all.filter(({ moduleId }) => files.some((file) => moduleId.endsWith('/' + file)));
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(chosen);
  let ran = 0;
  let failed;
  for (const module of testModules) {
    for (const error of module.errors()) failed ??= error.message;
    for (const test of module.children.allTests()) {
      const { state, errors } = test.result();
      if (state === 'failed') failed ??= test.fullName + ': ' + errors?.[0]?.message;
      if (state === 'failed' || state === 'passed') ran += 1;
    }
  }
  failed ??= unhandledErrors[0]?.message;
  process.send({ failed, ran });
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
`;

/** {@link RUNNER_TEXT}, as long as it answers; afterwards another one. */
export class GuardRunner implements Disposable {
  readonly #folder: string;
  #child: ChildProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Runs some tests with a guard off, to the first failure. Those that come to no end have failed, too. */
  async run(id: number, tests: readonly GuardTest[], longestMs: number): Promise<Verdict> {
    const names = tests.map(({ name }) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const task: Task = {
      mutant: String(id),
      files: [...new Set(tests.map(({ file }) => file))],
      pattern: `(?:^| )(?:${names.join('|')})$`,
    };
    this.#child ??= await this.#start();
    const child = this.#child;
    child.send(task);
    const over = new AbortController();
    const { signal } = over;
    const answer = await Promise.race([
      once(child, 'message', { signal }).then(([told]) => told as Answer),
      once(child, 'exit', { signal }).then(() => ENDED),
      pause(longestMs, undefined, { signal }),
    ]).finally(() => over.abort());
    if (answer === undefined) {
      this[Symbol.dispose]();
      return { failed: 'a test that never ends' };
    }
    if (answer.ran === 0 && answer.failed === undefined)
      throw new Error(`none of these tests was run: ${names.join(', ')}`);
    if (child.exitCode !== null) this.#child = undefined;
    return { failed: answer.failed };
  }

  [Symbol.dispose](): void {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(join(this.#folder, RUNNER_FILE), {
      cwd: this.#folder,
      stdio: 'ignore',
      detached: true,
    });
    process.once('exit', () => this[Symbol.dispose]());
    this.#child = child;
    await once(child, 'message');
    return child;
  }
}
