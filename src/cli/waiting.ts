import type { CliContext } from './context.js';
import { printable } from './format/table.js';
import type { Spinner } from './spinner.js';

/** Says on stderr who is being waited for, once a lock has taken longer than 2 s. */
export function tellWhoHolds(
  context: CliContext,
  spinner?: Spinner,
): (instance: string, holders: string) => void {
  return (instance, holders) => {
    spinner?.clear();
    const line = printable(`Waiting for "${instance}", which is in use by ${holders}`);
    context.stderr.write(`${line}\n`);
  };
}
