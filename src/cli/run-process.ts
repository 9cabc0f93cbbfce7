import { homedir } from 'node:os';
import { StoreLayout, errnoOf, readSettings, storageRoot } from '../command-line.js';
import { MultipassError, type VirtualMachineStore } from '../index.js';
import type { MakeCommands } from './command.js';
import type { CliContext } from './context.js';
import { EXIT, exitCodeOfSignal } from './exit-codes.js';
import { runCli } from './main.js';
import { reportError } from './report-error.js';
import {
  isInteractive,
  readStandardInput,
  standardInput,
  standardStream,
} from './standard-streams.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Spelt out, for the build puts the version in its place. */
const VERSION = process.env['MULTIPASS_TS_VERSION'] ?? '';

/** The commands that a process knows, and what they use: who knows few starts sooner. */
interface Program {
  readonly makeCommands: MakeCommands;
  /** Opens the store at a folder. */
  readonly openStore: (root: string) => VirtualMachineStore;
}

/** Makes this process the command: its arguments, streams, signals and exit code. */
export async function runProcess({ makeCommands, openStore }: Program): Promise<void> {
  const { env } = process;
  const home = homedir();
  const signals = new Signals();
  // There is nobody left to tell: the terminal has hung up, or the reader of the pipe has gone.
  const stderr = standardStream(2, () => undefined);
  const stdout = standardStream(1, (error) => {
    // `multipass list | head` closes the pipe early; that is no failure.
    if (errnoOf(error) === 'EPIPE') return;
    process.exitCode = EXIT.failed;
    stderr.write(`cannot write the output: ${(error as Error).message}\n`);
  });
  let layout: StoreLayout;
  try {
    layout = new StoreLayout(storageRoot({ env, home }));
  } catch (error) {
    // A relative path of the store may lead nowhere; no command can do without.
    process.exitCode = reportError(error, { stderr, version: VERSION }, false);
    return;
  }
  const context: CliContext = {
    stdin: readStandardInput,
    stdinPieces: standardInput,
    terminal: isInteractive(),
    stdout,
    stderr,
    env,
    home,
    get signal() {
      return signals.listen();
    },
    get store() {
      return openStore(layout.root);
    },
    layout,
    version: VERSION,
    get primary() {
      return readSettings(layout, env).primaryName;
    },
  };
  // A promise that nobody keeps lets Node end, with success.
  let hasEnded = false;
  process.once('exit', () => {
    if (hasEnded) return;
    process.exitCode = reportError(new Error('the work was never finished'), context, false);
  });
  const exitCode = await runCli(process.argv.slice(2), context, makeCommands);
  hasEnded = true;
  // A failure of stdout stands.
  process.exitCode ??= exitCode;
  signals.passOn();
}

/**
 * The first signal lets the work clean up. From then on the system does what it does with signals, so that a second one
 * ends us whatever we are in: a loop, or a read that does not return, for which `process.exit` would wait.
 */
class Signals {
  readonly #interruption = new AbortController();
  #received: NodeJS.Signals | undefined;
  #isListening = false;

  /** What never asks for the signal has nothing to clean up: there the first one is like the second. */
  listen(): AbortSignal {
    if (!this.#isListening) for (const each of SIGNALS) process.on(each, this.#onSignal);
    this.#isListening = true;
    return this.#interruption.signal;
  }

  /** Ends us by the signal that came, if any, as who started us expects. */
  passOn(): void {
    if (this.#received === undefined) return;
    // The first process of a container is killed by none; then its exit code says it.
    process.exitCode = exitCodeOfSignal(this.#received);
    giveSignalsBack();
    process.kill(process.pid, this.#received);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#received = signal;
    // After the listeners of packages, which end us when they find nobody else to hear of this one.
    setImmediate(giveSignalsBack);
    this.#interruption.abort(new MultipassError('ABORTED', `interrupted by ${signal}`));
  };
}

function giveSignalsBack(): void {
  for (const each of SIGNALS) process.removeAllListeners(each);
}
