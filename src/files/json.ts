import { problemOfJson } from './json-limits.js';

/**
 * Parses JSON that somebody else wrote. What is nested too deep or has too many values is not parsed at all: whoever
 * walks through it would run out of stack, or of time.
 * @param deepest how many levels it may be nested
 * @throws Error that says what is wrong, behind "not valid JSON: " or the like
 */
export function parseJson(text: string, deepest?: number): unknown {
  const problem = problemOfJson(text, deepest);
  if (problem !== undefined) throw new Error(problem);
  return JSON.parse(text);
}
