import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { log } from '../log.js';
import { startError } from './programs.js';

/** What a program had to say at last is kept, and no more. */
const WORDS = 16 * 1024;

/** A program with a pipe to each of its streams. */
export interface PipedProgram {
  /** What it writes. */
  readonly input: Readable;
  /** What it writes to stderr. */
  readonly errors: Readable;
  /** What it reads. */
  readonly output: Writable;
  /** Resolves when it has ended, with its exit code or the signal's name. */
  readonly exited: Promise<number | string>;
  /** The same, when all that it wrote was read, too. */
  readonly ended: Promise<number | string>;
  /** SIGTERM. */
  readonly stop: () => void;
}

/** A program that is talked to. */
export interface ConnectedProgram extends Omit<PipedProgram, 'errors' | 'exited'> {
  /** The end of what it has written to stderr so far. */
  readonly words: () => string;
}

/**
 * Starts a program to talk to over its stdin and stdout, in a session of its own: what Ctrl-C does to the programs
 * of a terminal it does to us alone, and we may still tell it to clean up. It should end when its stdin does, for that
 * is all that it sees of our death.
 * @throws MultipassError TOOL_MISSING when there is no such program; IO_ERROR when there is no such folder
 */
export async function connectProgram(
  file: string,
  args: readonly string[],
  options: { readonly cwd: string },
): Promise<ConnectedProgram> {
  const { errors, input, output, ended, stop } = await pipeProgram(file, args, options);
  let words = '';
  errors.setEncoding('utf8').on('data', (piece: string) => {
    words = (words + piece).slice(-WORDS);
  });
  return { input, output, ended, stop, words: () => words };
}

/** As {@link connectProgram}, with stderr for whoever reads it: all of it has to be read, or the program waits. */
export async function pipeProgram(
  file: string,
  args: readonly string[],
  { cwd }: { readonly cwd: string },
): Promise<PipedProgram> {
  log('debug', 'spawn', [file, ...args].join(' '));
  let child: ChildProcess;
  try {
    child = spawn(file, args, { cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    throw startError(error, file, cwd);
  }
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error(`${file} has no pipes`);
  const at = (event: 'exit' | 'close'): Promise<number | string> =>
    new Promise((resolve) => {
      child.once(event, (code: number | null, signal: string | null) => {
        resolve(code ?? signal ?? 0);
      });
    });
  const [exited, ended] = [at('exit'), at('close')];
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(startError(error, file, cwd)));
  });
  return {
    input: stdout,
    errors: stderr,
    output: stdin,
    exited,
    ended,
    stop: () => void child.kill('SIGTERM'),
  };
}
