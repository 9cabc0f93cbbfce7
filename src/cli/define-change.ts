import { existsSync } from 'node:fs';
import { ephemeralTokens, loadEphemeral, loadSshConfigFile, log } from '../command-line.js';
import type { CliContext } from './context.js';
import { defineCommand, type Command, type CommandDefinition, type Invocation } from './command.js';
import { EXIT } from './exit-codes.js';
import type { CommandOption, OptionTable } from './options.js';
import { ChangeFailure, Outcome } from './outcome.js';

/** The options of a command that changes something: how its result is printed is one of them. */
type ChangeOptions = OptionTable & { readonly format: CommandOption<string> };

/** A command that changes something, as it is written. */
export interface ChangeDefinition<Options extends ChangeOptions> extends Omit<
  CommandDefinition<Options>,
  'run'
> {
  /** @returns the exit code; nothing for success */
  run(invocation: Invocation<Options>, outcome: Outcome): Promise<number | undefined>;
}

/**
 * Makes a command that changes something: with `--format json` it prints what it has done as JSON on stdout, and what
 * stopped it beside that.
 */
export function defineChange<Options extends ChangeOptions>(
  definition: ChangeDefinition<Options>,
): Command {
  const command = defineCommand<Options>({
    ...definition,
    async run(invocation) {
      const isJson = (invocation.options as { readonly format: unknown }).format === 'json';
      const { layout } = invocation.context;
      if (ephemeralTokens(layout).length > 0) {
        const { sweepEphemeral } = await loadEphemeral();
        await sweepEphemeral(layout);
      }
      const outcome = new Outcome(invocation.context, definition.name, isJson);
      try {
        const exitCode = await definition.run(invocation, outcome);
        outcome.finish();
        return exitCode ?? EXIT.ok;
      } catch (error) {
        throw isJson ? new ChangeFailure(outcome.json, error) : error;
      } finally {
        if (existsSync(layout.sshConfig)) await tellSsh(invocation.context);
      }
    },
  });
  return { ...command, isChange: true };
}

/** Who has asked for it has ssh know the instances that there are now. */
async function tellSsh(context: CliContext): Promise<void> {
  const { refreshSshConfig } = await loadSshConfigFile();
  const { sshProgram } = await import('./ssh-program.js');
  try {
    await refreshSshConfig(context.layout, { program: sshProgram(context) });
  } catch (error) {
    log('warning', 'ssh', `ssh does not know of the change: ${(error as Error).message}`);
  }
}
