import { ExecError, MultipassError } from '../errors.js';
import { findProgram } from './programs.js';
import { run } from './run.js';
import { sandboxWords } from './sandbox.js';

const known = new Map<string, Promise<string | undefined>>();

/**
 * Why a program cannot be run in a sandbox on this host, found out by running it there; asked for once in a process.
 * Whether bubblewrap works is told by no name and no version: the kernel, AppArmor, a container may each refuse it.
 * @param program absolute path; it has to know `--version`
 * @returns undefined when it can
 */
export async function sandboxProblem(program: string): Promise<string | undefined> {
  const key = [findProgram('bwrap'), program].join(' ');
  const answer = known.get(key) ?? tryOut(program);
  known.set(key, answer);
  return await answer;
}

async function tryOut(program: string): Promise<string | undefined> {
  try {
    const [file, ...words] = await sandboxWords({ programs: [program] });
    await run(file, [...words, program, '--version']);
    return undefined;
  } catch (error) {
    if (error instanceof ExecError) return error.stderr.split('\n').at(-1) ?? error.message;
    if (error instanceof MultipassError) return error.message;
    throw error;
  }
}
