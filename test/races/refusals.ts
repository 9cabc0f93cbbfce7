import type { CommandResult } from '../support/command.js';

/** What a command may say to whom another has come before. */
const REFUSED = new RegExp(
  [
    'instance "[\\w-]+" (does not exist|is deleted|already exists|is being prepared)',
    'instance "[\\w-]+" changed ',
    "Nonexistent alias: |Alias '[\\w-]+' already exists in current context",
    ' forwarded to ',
    'reason: (No such instance|Instance is deleted|instance is being prepared)',
    'has no (such )?forward',
  ].join('|'),
);

/** @returns what a command says that it may not; undefined when all is well */
export function complaintOf(
  words: readonly string[],
  { stdout, stderr, exitCode }: CommandResult,
): string | undefined {
  const said = `${words.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`;
  if (/^ {4}at |This is a bug/m.test(stderr)) return said;
  // What it finds is looked at once all is at rest.
  if (words[0] === 'doctor' && (exitCode === 0 || exitCode === 2)) return undefined;
  // The report of a migration is on stdout.
  if (exitCode === 0 || REFUSED.test(words[0] === 'migrate' ? stdout : stderr)) return undefined;
  return said;
}
