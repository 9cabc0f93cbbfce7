import { createInterface } from 'node:readline';
import { throwIfAborted } from '../command-line.js';
import { MultipassError } from '../index.js';
import type { CliContext } from './context.js';
import { printable } from './format/table.js';

/** Reads one line of what is typed, without its end; null when there will be none. */
export type ReadLine = (signal: AbortSignal) => Promise<string | null>;

/** A question of yes or no. */
export interface Question {
  readonly text: string;
  /** The answer of who just presses Enter; without it, the question is asked again. */
  readonly fallback?: boolean;
  /** Where the answer comes from. Default: the terminal. */
  readonly readLine?: ReadLine;
}

/**
 * Asks on the terminal until the answer is yes or no; to be called for {@link CliContext.terminal} only, and with no
 * lock held: people may take their time.
 * @throws MultipassError ABORTED when the terminal has no answer, or at Ctrl-C
 */
export async function askYesOrNo(
  { stdout, signal }: Pick<CliContext, 'stdout' | 'signal'>,
  { text, fallback, readLine = lineOfTerminal }: Question,
): Promise<boolean> {
  stdout.write(`${printable(text)} (Yes/no): `);
  for (;;) {
    const answer = await readLine(signal);
    throwIfAborted(signal);
    if (answer === null) {
      stdout.write('\n');
      throw cancelled();
    }
    if (/^\s*(?:y|yes)\s*$/i.test(answer)) return true;
    if (/^\s*(?:n|no)\s*$/i.test(answer)) return false;
    if (answer.trim() === '' && fallback !== undefined) return fallback;
    stdout.write('Please answer Yes/no: ');
  }
}

/** Multipass's text for a question that was answered with no. */
export function cancelled(): MultipassError {
  return new MultipassError('ABORTED', 'Cancelled.');
}

/**
 * Asks for a value on the terminal; to be called for {@link CliContext.terminal} only, and with no lock held.
 * @param hidden whether what is typed is not shown
 * @throws MultipassError ABORTED when the terminal has no answer, or at Ctrl-C
 */
export async function askValue(
  { stdout, signal }: Pick<CliContext, 'stdout' | 'signal'>,
  text: string,
  { hidden = false }: { readonly hidden?: boolean } = {},
): Promise<string> {
  const { stdin } = process;
  // Before the question: what is typed at once must not show either.
  if (hidden) stdin.setRawMode(true);
  try {
    stdout.write(printable(text));
    const answer = hidden ? await hiddenLine(signal) : await lineOfTerminal(signal);
    throwIfAborted(signal);
    if (answer === null) throw cancelled();
    return answer;
  } finally {
    if (hidden) {
      stdin.setRawMode(false);
      stdout.write('\n');
    }
  }
}

/** Reads a line of a terminal that shows nothing of it, and so does nothing with its keys: we do. */
async function hiddenLine(signal: AbortSignal): Promise<string | null> {
  const { stdin } = process;
  const [enter, endOfInput, interrupt, erase] = [/[\r\n]/, '\u0004', '\u0003', /[\u007f\b]/];
  let line = '';
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  const typed = new Promise<string | null>((resolve) => {
    const onData = (data: Buffer): void => {
      for (const key of data.toString('utf8')) {
        if (enter.test(key) || key === endOfInput || key === interrupt) {
          stdin.off('data', onData);
          resolve(enter.test(key) ? line : null);
          return;
        }
        line = erase.test(key) ? Array.from(line).slice(0, -1).join('') : line + key;
      }
    };
    stdin.on('data', onData);
    stdin.resume();
  });
  try {
    return await Promise.race([typed, aborted]);
  } finally {
    stdin.pause();
  }
}

async function lineOfTerminal(signal: AbortSignal): Promise<string | null> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    return await new Promise((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(null));
      signal.addEventListener('abort', () => resolve(null), { once: true });
    });
  } finally {
    lines.close();
    // What still listens would keep the process from ending.
    process.stdin.pause();
  }
}
