import { setLogSink, type LogSink, type Verbosity } from '../index.js';
import type { MakeCommands } from './command.js';
import type { CliContext } from './context.js';
import { runCommandLine } from './program.js';
import { reportError } from './report-error.js';

/**
 * The whole command as a function: parses, runs, reports.
 * @param argv without the names of Node and the script
 * @param makeCommands those that there are
 * @returns the exit code
 */
export async function runCli(
  argv: readonly string[],
  context: CliContext,
  makeCommands: MakeCommands,
): Promise<number> {
  const sink: LogSink = { write: (line) => context.stderr.write(line), verbosity: 0 };
  setLogSink(sink);
  const onVerbose = (): void => {
    sink.verbosity = Math.min(4, sink.verbosity + 1) as Verbosity;
  };
  try {
    return await runCommandLine(argv, { context, onVerbose, makeCommands });
  } catch (error) {
    return reportError(error, context, sink.verbosity > 0);
  }
}
