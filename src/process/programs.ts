import { errnoOf, MultipassError } from '../errors.js';

/** What it means that a program could not be started. */
export function startError(error: Error, file: string): Error {
  if (errnoOf(error) !== 'ENOENT') return error;
  return new MultipassError('TOOL_MISSING', `the program "${file}" is not installed`, {
    hint: `Install the package that has ${file}, then try again.`,
    cause: error,
    details: { program: file },
  });
}
