import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BIN, BUILD } from '../../support/bin.js';
import { environment, type CommandOptions } from '../../support/command.js';

const CLEAR_LINE = '\u001B[2K';

/** The width of the terminal, in columns. */
export const COLUMNS = 60;

/** A command in a terminal, of which a person would see `screen`. */
export interface TerminalSession {
  /** All that was written so far, stdout and stderr, with what steers the terminal. */
  readonly written: () => string;
  /** Types keys: `\u0003` is Ctrl-C. */
  readonly type: (keys: string) => void;
  /** Resolves once the text was written. */
  readonly sees: (text: RegExp) => Promise<void>;
  /** Resolves with the exit code when the command has ended. */
  readonly exitCode: Promise<number>;
}

/** Runs the built command in a real terminal, which script(1) makes. The words must need no quotes. */
export function inTerminal(
  words: string,
  options: Omit<CommandOptions, 'through' | 'input' | 'cwd'>,
): TerminalSession {
  return shellInTerminal(`exec "$NODE" "$BIN" ${words}`, options);
}

/** The same for a line of shell, which finds the built command as `"$NODE" "$BIN"`. */
export function shellInTerminal(
  script: string,
  options: Omit<CommandOptions, 'through' | 'input' | 'cwd'>,
): TerminalSession {
  const line = `stty cols ${COLUMNS}; ${script}`;
  // The binary needs nothing to start it, which is what env(1) adds.
  const NODE = BUILD === 'node' ? process.execPath : 'env';
  const env = { ...environment(options), NODE, BIN };
  const child = spawn('script', ['-qec', line, '/dev/null'], { env });
  let written = '';
  child.stdout.on('data', (piece: Buffer) => (written += piece.toString('utf8')));
  return {
    written: () => written,
    type: (keys) => child.stdin.write(keys),
    sees: async (text) => {
      while (!text.test(written)) await once(child.stdout, 'data');
    },
    exitCode: once(child, 'close').then(([code]) => code as number),
  };
}

/** What the spinner drew, one line after the other. */
export function drawn(written: string): string[] {
  return written.split(`\r${CLEAR_LINE}`).slice(1, -1);
}

/** The lines that are on the screen in the end: a carriage return goes back, `ESC [2K` empties the line. */
export function screen(written: string): string[] {
  const lines = [''];
  let column = 0;
  for (const [piece] of written.matchAll(/\p{Cc}\[2K|\r|\n|\P{Cc}+/gu)) {
    const line = lines.at(-1) ?? '';
    if (piece === '\r') column = 0;
    else if (piece === '\n') lines.push('');
    else if (piece === CLEAR_LINE) lines[lines.length - 1] = '';
    else {
      lines[lines.length - 1] =
        line.slice(0, column).padEnd(column) + piece + line.slice(column + piece.length);
      column += piece.length;
    }
  }
  return lines.slice(0, -1);
}
