import { setLogSink, type Verbosity } from '../log.js';
import type { CliContext } from './context.js';
import { runCommandLine } from './program.js';
import { reportError } from './report-error.js';

/**
 * The whole command as a function: parses, runs, reports.
 * @param argv without the names of Node and the script
 * @returns the exit code
 */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  let verbosity = 0 as Verbosity;
  const onVerbose = (): void => {
    verbosity = Math.min(4, verbosity + 1) as Verbosity;
    setLogSink({ write: (line) => context.stderr.write(line), verbosity });
  };
  try {
    return await runCommandLine(argv, { context, onVerbose });
  } catch (error) {
    return reportError(error, context, verbosity > 0);
  }
}
