import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutate, type Mutant } from './mutant.js';

const COPIED = [
  'src',
  'test',
  'fixtures',
  'scripts',
  'dist',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

/** How a run of some test files ended. */
export interface Verdict {
  /** The first test that failed; undefined when all passed. */
  readonly failed: string | undefined;
}

/** A copy of the project in a temporary folder: what is mutated is never the project itself. */
export class Workshop implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(project: string): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-mutation-'));
    for (const name of COPIED)
      await cp(join(project, name), join(folder, name), { recursive: true });
    await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
    return new Workshop(folder);
  }

  /** Makes sure that the guard is where it is said to be. @throws Error when it is not */
  async check(mutant: Mutant): Promise<void> {
    mutate(mutant, await readFile(join(this.#folder, mutant.file), 'utf8'));
  }

  /** Runs the tests of a mutant with its guard switched off. */
  async try(mutant: Mutant): Promise<Verdict> {
    const path = join(this.#folder, mutant.file);
    const source = await readFile(path, 'utf8');
    await writeFile(path, mutate(mutant, source));
    try {
      return await this.test(mutant.tests);
    } finally {
      await writeFile(path, source);
    }
  }

  /** Runs test files up to the first failure. One that does not come to an end has failed, too. */
  async test(files: readonly string[]): Promise<Verdict> {
    const report = join(this.#folder, 'report.json');
    await rm(report, { force: true });
    const args = [...files, '--reporter=json', `--outputFile=${report}`];
    if (!(await vitest(this.#folder, args))) return { failed: 'a test that never ends' };
    return verdictOf(await readFile(report, 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function verdictOf(text: string): Verdict {
  const { success, testResults } = JSON.parse(text) as Report;
  if (success) return { failed: undefined };
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = tests.find(({ status }) => status === 'failed')?.fullName;
  const message = testResults.find((file) => file.message !== '')?.message;
  return { failed: failed ?? message ?? 'a file that could not be run' };
}

const LONGEST_RUN_MS = 240_000;

/** Its exit code says no more than its report. @returns false when it had to be ended */
async function vitest(folder: string, args: readonly string[]): Promise<boolean> {
  const program = join(folder, 'node_modules', 'vitest', 'vitest.mjs');
  const all = [program, 'run', '--bail=1', '--maxWorkers=1', ...args];
  // A group of its own, so that what waits for ever in it can be ended with it.
  const child = spawn(process.execPath, all, { cwd: folder, stdio: 'ignore', detached: true });
  const end = (): unknown => process.kill(-child.pid!, 'SIGKILL');
  process.once('exit', end);
  const timer = setTimeout(end, LONGEST_RUN_MS);
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  process.removeListener('exit', end);
  return signal !== 'SIGKILL';
}
