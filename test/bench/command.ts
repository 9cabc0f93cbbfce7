import { spawn } from 'node:child_process';

/**
 * Runs a program to its end with as little around it as possible, because that is timed too; its output goes nowhere.
 * @param env on top of this process's own
 */
export async function runQuickly(
  argv: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const [file, ...args] = argv;
  await new Promise<void>((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...env },
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${file} ended with ${signal ?? `exit code ${code ?? '?'}`}`));
    });
  });
}
