import { copyFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/process/run.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** What a new project of a strict user says; Node 20 has no `await using` of its own. */
const COMPILER_OPTIONS = {
  strict: true,
  module: 'nodenext',
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  skipLibCheck: false,
};

/**
 * Copies examples into a project that has this package, and compiles them there as its user would.
 * @returns what the compiler complained of
 */
export async function compileExamples(
  folder: string,
  examples: readonly string[],
): Promise<string> {
  const files = examples.map((example) => `${basename(example, '.ts')}.ts`);
  for (const file of files) await copyFile(join(PROJECT, 'examples', file), join(folder, file));
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files }),
  );
  const tsc = join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '--project', folder];
  const { stdout } = await run(process.execPath, args, { okExitCodes: [0, 1, 2] });
  return stdout;
}
