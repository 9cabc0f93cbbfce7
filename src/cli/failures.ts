import { atOnce, hasCode } from '../command-line.js';
import { MultipassError } from '../index.js';
import { printable } from './format/table.js';

/** The wrong use of a command: exit code 1. */
export function usageError(message: string, hint?: string): MultipassError {
  return new MultipassError('USAGE', message, { hint });
}

/**
 * What is wrong with a setting of the client is a wrong command line, as in Multipass, where the daemon alone knows of
 * the others, `local.*`.
 */
export function settingFailure(error: unknown, key: string): unknown {
  if (key.startsWith('local.')) return error;
  const isAboutSetting = hasCode(error, 'SETTING_UNKNOWN', 'SETTING_INVALID');
  return isAboutSetting ? usageError(error.message, error.hint) : error;
}

/**
 * Does the same to several things, one after the other, although it fails for some, and fails as a whole at the end,
 * with Multipass's text. Only failures that a user can meet are collected: a bug, and an interruption, end everything.
 * @throws MultipassError the failure, where it is the only one; else SEVERAL with a printable line for each, whose
 *   cause holds them all
 */
export async function forEach<Item>(
  items: Iterable<Item>,
  act: (item: Item) => void | Promise<void>,
): Promise<void> {
  await forEachAtOnce(items, 1, act);
}

/** The same, several at once. */
export async function forEachAtOnce<Item>(
  items: Iterable<Item>,
  most: number,
  act: (item: Item) => void | Promise<void>,
): Promise<void> {
  const errors: MultipassError[] = [];
  await atOnce(items, most, async (item) => {
    try {
      await act(item);
    } catch (error) {
      if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
      errors.push(error);
    }
  });
  const [first, ...others] = errors;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const lines = errors.map(({ message }) => printable(message));
  throw new MultipassError('SEVERAL', ['The following errors occurred:', ...lines].join('\n'), {
    cause: new AggregateError(errors),
  });
}
