import { isPlainName } from '../../store/layout.js';

/**
 * True for what an alias, or a context of aliases, may be called: it becomes a file for PATH and a word of a command
 * line, so it has no slash, blank or control character, and begins with neither a hyphen nor a dot.
 */
export function isAliasName(name: string): boolean {
  return isPlainName(name) && !/^[-.]|[\p{Cc}\s]/u.test(name);
}
