import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CODE_CACHE, COMMAND } from './bin.js';

/** How the command is run. */
export interface CommandOptions {
  /** MULTIPASS_STORAGE; HOME is the folder that it is in. */
  readonly store: string;
  /** Further variables; the environment has no others but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What stdin holds. Default: nothing. */
  readonly input?: string;
  /** Fake programs that come first on PATH: a folder of fixtures/bin. */
  readonly programs?: 'slow' | 'stubborn';
  /** What runs the command instead of us: `['setpriv', …]`. */
  readonly through?: readonly string[];
}

/**
 * What a command left behind; stderr {@link withoutPhases}. A signal that killed it counts as in a shell: 128 and its
 * number.
 */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A command that is still running. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly finished: Promise<CommandResult>;
  /** Sends a signal to the command and all its children, as a terminal does. */
  readonly signalGroup: (signal: NodeJS.Signals) => void;
}

/** The lines that name a phase which has lasted 3 seconds or more. */
const PHASE =
  /^(?:(?:Cloning|Creating|Deleting|Exporting|Flattening|Importing|Migrating|Mounting|Recovering|Renaming|Restarting|Restoring|Starting|Stopping|Suspending|Taking snapshot of|Transferring|Unmounting|Preparing image for) .+|Launching|Looking for images|Migrating|Purging|(?:Extracting|Preparing|Retrieving|Verifying) image|Waiting for initialization to complete)\n/gm;

/** What is told once in each store, where the machine of the tests has no hardware for guests. */
const EMULATED = /^(?:warning|note): guests run in software here, .*\n/gm;

/** How soon a command without a terminal names what it does. */
const PHASE_AFTER_MS = 3000;

/**
 * What a command has said on stderr but for what depends on the machine: that guests are slow there, and the phases
 * that it names when it takes long, as on a busy machine any may. A quick one has none to name, and is not forgiven any.
 */
export function withoutPhases(stderr: string, durationMs = Infinity): string {
  const said = stderr.replace(EMULATED, '');
  return durationMs < PHASE_AFTER_MS ? said : said.replace(PHASE, '');
}

/** Runs the built command to its end. @throws Error when it shows a stack trace, whatever the test is about */
export async function multipass(
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return await startMultipass(args, options).finished;
}

/** Starts the built command in a process group of its own. */
export function startMultipass(args: readonly string[], options: CommandOptions): RunningCommand {
  const { through = [], cwd, input = '' } = options;
  const [program = '', ...rest] = [...through, ...COMMAND, ...args];
  const child = spawn(program, rest, { cwd, env: environment(options), detached: true });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return {
    child,
    finished: finish(child, args),
    signalGroup: (signal) => process.kill(-(child.pid ?? 0), signal),
  };
}

/** Nothing of the environment of the tests but PATH. */
export function environment({ store, env = {}, programs }: CommandOptions): NodeJS.ProcessEnv {
  const path = process.env['PATH'] ?? '';
  return {
    PATH: programs === undefined ? path : `${programsFolder(programs)}${delimiter}${path}`,
    HOME: dirname(store),
    MULTIPASS_STORAGE: store,
    MULTIPASS_TS_CODE_CACHE: CODE_CACHE,
    ...env,
  };
}

function programsFolder(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/bin/${name}`, import.meta.url));
}

async function finish(child: ChildProcess, args: readonly string[]): Promise<CommandResult> {
  const began = performance.now();
  const [stdout, said, exitCode] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    }),
  ]);
  const stderr = withoutPhases(said, performance.now() - began);
  if (/^ {4}at |This is a bug/m.test(stdout + stderr)) {
    throw new Error(`multipass ${args.join(' ')} showed a stack trace:\n${stderr}`);
  }
  return { stdout, stderr, exitCode };
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  if (stream === null) return '';
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}
