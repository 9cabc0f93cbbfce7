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

  get folder(): string {
    return this.#folder;
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
  async test(
    files: readonly string[],
    options: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Verdict> {
    const report = join(this.#folder, 'report.json');
    const args = ['--bail=1', '--maxWorkers=1', ...options, ...files];
    if (!(await this.vitest({ args, report, env }))) return { failed: 'a test that never ends' };
    return verdictOf(await readFile(report, 'utf8'));
  }

  /** Its exit code says no more than its report. @returns false when it had to be ended */
  async vitest({
    args,
    report,
    env = {},
    longestMs = LONGEST_RUN_MS,
  }: VitestRun): Promise<boolean> {
    await rm(report, { force: true });
    const program = join(this.#folder, 'node_modules', 'vitest', 'vitest.mjs');
    const all = [program, 'run', '--reporter=json', `--outputFile=${report}`, ...args];
    return await endedBySelf(this.#folder, all, { env, longestMs });
  }

  /** Makes the command from what the sources are now. */
  async buildCommand(): Promise<void> {
    const text = "import { buildCli } from './scripts/build-cli.mjs'; await buildCli('0.1.0');";
    const args = ['--input-type=module', '-e', text];
    await endedBySelf(this.#folder, args, { env: {}, longestMs: LONGEST_RUN_MS });
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

/** A run of some tests. */
interface VitestRun {
  readonly args: readonly string[];
  /** The file for its report, as JSON. */
  readonly report: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly longestMs?: number;
}

/** @returns false when it had to be ended */
async function endedBySelf(
  cwd: string,
  args: readonly string[],
  { env, longestMs }: { env: Readonly<Record<string, string>>; longestMs: number },
): Promise<boolean> {
  // A group of its own, so that what waits for ever in it can be ended with it.
  const options = {
    cwd,
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, ...env },
  } as const;
  const child = spawn(process.execPath, args, options);
  const end = (): unknown => process.kill(-child.pid!, 'SIGKILL');
  process.once('exit', end);
  const timer = setTimeout(end, longestMs);
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  process.removeListener('exit', end);
  return signal !== 'SIGKILL';
}
