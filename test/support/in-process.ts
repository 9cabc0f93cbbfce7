import { dirname } from 'node:path';
import { allCommands } from '../../src/cli/commands/all.js';
import type { CliContext } from '../../src/cli/context.js';
import { runCli } from '../../src/cli/main.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { readSettings } from '../../src/vm/settings/settings.js';
import { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import type { CommandResult } from './command.js';

/** The command as a function in this process: for thousands of runs, where starting Node would take too long. */
export async function multipassInProcess(
  args: readonly string[],
  layout: StoreLayout,
): Promise<CommandResult> {
  const [stdout, stderr] = [new Recorder(), new Recorder()];
  const context: CliContext = {
    stdin: () => Promise.resolve(Buffer.alloc(0)),
    stdinPieces: async function* () {
      // There is nothing.
    },
    terminal: false,
    stdout,
    stderr,
    store: new VirtualMachineStore(layout),
    layout,
    env: { MULTIPASS_STORAGE: layout.root },
    home: dirname(layout.root),
    signal: new AbortController().signal,
    version: '0.0.0',
    get primary() {
      return readSettings(layout, {}).primaryName;
    },
  };
  const exitCode = await runCli(args, context, allCommands);
  return { stdout: stdout.text, stderr: stderr.text, exitCode };
}

class Recorder {
  text = '';
  readonly isTerminal = false;
  readonly columns = 80;

  write(text: string): void {
    this.text += text;
  }

  writeBytes(bytes: Uint8Array): Promise<void> {
    this.text += Buffer.from(bytes).toString('utf8');
    return Promise.resolve();
  }

  writeRaw(bytes: Uint8Array): Promise<void> {
    return this.writeBytes(bytes);
  }

  steer(sequence: string): void {
    this.text += sequence;
  }
}
