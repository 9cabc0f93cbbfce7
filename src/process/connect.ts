import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { log } from '../log.js';
import { startError } from './programs.js';

/** What a program had to say at last is kept, and no more. */
const WORDS = 16 * 1024;

/** A program that is talked to. */
export interface ConnectedProgram {
  /** What it writes. */
  readonly input: Readable;
  /** What it reads. */
  readonly output: Writable;
  /** The end of what it has written to stderr so far. */
  readonly words: () => string;
  /** Resolves when it has ended, and all that it wrote was read: with its exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** SIGTERM. */
  readonly stop: () => void;
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
  { cwd }: { readonly cwd: string },
): Promise<ConnectedProgram> {
  log('debug', 'spawn', [file, ...args].join(' '));
  let child: ChildProcess;
  try {
    child = spawn(file, args, { cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    throw startError(error, file, cwd);
  }
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error(`${file} has no pipes`);
  let words = '';
  stderr.setEncoding('utf8').on('data', (piece: string) => {
    words = (words + piece).slice(-WORDS);
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(startError(error, file, cwd)));
  });
  return {
    input: stdout,
    output: stdin,
    words: () => words,
    ended,
    stop: () => void child.kill('SIGTERM'),
  };
}
