import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { writeBytes, writeFully, type StandardOutput } from './standard-output.js';
import type { ResultOutput } from './context.js';
import { forTerminal } from './terminal-text.js';

/** Whether both standard input and standard output are a terminal. */
export function isInteractive(): boolean {
  return isTerminalAt(0) && isTerminalAt(1);
}

/** Standard input, piece by piece. */
export function standardInput(): AsyncIterable<Buffer> {
  return process.stdin as AsyncIterable<Buffer>;
}

/** All of standard input, to its end. */
export async function readStandardInput(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of standardInput()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/**
 * Standard output or standard error. What cannot be written is told once to `onFailure`, and nothing more is tried.
 */
export function standardStream(
  fd: StandardOutput,
  onFailure: (error: unknown) => void,
): ResultOutput {
  const isTerminal = isTerminalAt(fd);
  let isBroken = false;
  const write = (text: string): void => {
    if (isBroken || text === '') return;
    try {
      writeFully(fd, text);
    } catch (error) {
      isBroken = true;
      onFailure(error);
    }
  };
  return {
    write: (text) => write(isTerminal ? forTerminal(text) : text),
    writeBytes: async (bytes) => {
      if (isTerminal) write(forTerminal(Buffer.from(bytes).toString('utf8')));
      else await writeBytes(fd, bytes);
    },
    writeRaw: async (bytes) => await writeBytes(fd, bytes),
    steer: write,
    isTerminal,
    get columns() {
      return isTerminal ? columnsOf(fd) : NO_TERMINAL;
    },
  };
}

const NO_TERMINAL = 80;

/** Node's own streams know how wide a terminal is, and hear when that changes. */
function columnsOf(fd: StandardOutput): number {
  const { columns } = fd === 1 ? process.stdout : process.stderr;
  // A terminal whose size was never set says 0.
  return columns > 0 ? columns : NO_TERMINAL;
}

/** To ask Node takes 4 ms, for it loads its sockets: only what could be a terminal is asked about. */
function isTerminalAt(fd: number): boolean {
  return fstatSync(fd).isCharacterDevice() && isatty(fd);
}
