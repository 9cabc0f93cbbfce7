import { MultipassError } from '../../errors.js';

/** What an artifact is said to be, for messages: a path, or where its bytes came from. */
export type Origin = string;

/**
 * The error (ARTIFACT_INVALID) for an artifact that cannot be taken, whoever it is from: cut off, damaged, or made to
 * do harm.
 * @param problem stands behind "…: "
 */
export function artifactInvalid(origin: Origin, problem: string, hint?: string): MultipassError {
  return new MultipassError('ARTIFACT_INVALID', `cannot take "${origin}": ${problem}`, {
    hint: hint ?? 'Export or fetch it again; nothing of it was kept.',
    details: { origin, problem },
  });
}
