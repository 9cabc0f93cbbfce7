import { execPath } from 'node:process';
import { resolve } from 'node:path';

/** The words that run this command again, from wherever it is: absolute paths. */
export function ownCommand(): readonly string[] {
  const [, script = ''] = process.argv;
  // A program of one file has no script, and some runtimes name one that is within it.
  const isWithin = script === '' || script.startsWith('/$bunfs/') || resolve(script) === execPath;
  return isWithin ? [execPath] : [execPath, resolve(script)];
}
