import { createInterface } from 'node:readline';
import { throwIfAborted } from '../abort.js';
import { MultipassError } from '../errors.js';
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
