import { parseJson } from '../../files/json.js';
/** What could be saved of a damaged database. */
export interface Salvage {
  /** The records that are complete and parse on their own. */
  readonly records: ReadonlyMap<string, unknown>;
  /** Names of those that begin but do not parse. */
  readonly lost: readonly string[];
}

/** The beginning of a record: its name, and the brace that opens it. */
const KEY = /("[^"\\\n]*(?:\\.[^"\\\n]*)*")\s*:\s*(?=\{)/y;
const OPENING = /^\{[ \t]*(?:\r?\n([ \t]*))?"/;

/** How every Multipass indents the records of its databases; taken where the beginning of the file is damaged. */
const INDENT = '    ';

interface Pair {
  readonly name: string;
  /** Undefined when it is incomplete or does not parse. */
  readonly value: unknown;
  /** Where the record ends; null when it does not. */
  readonly end: number | null;
}

/**
 * Saves what is left of a JSON object whose members are objects, after a power cut or an interrupted write.
 * Where each record begins on a line of its own, those lines are what is trusted, so that damage to one record
 * costs no other and no inner object passes for a record; else reading goes on while the braces match.
 */
export function salvageRecords(text: string): Salvage {
  const indent = indentOf(text);
  const records = new Map<string, unknown>();
  const lost: string[] = [];
  // Looked for once, and each record up to the next one at most: what is not closed is not read over and over.
  const closing = text.indexOf('\n}');
  const nextOf = (from: number): number => nextLine(text, { from, indent: indent ?? '', closing });
  let at = indent === null ? text.indexOf('"') : nextOf(0);
  while (at !== -1) {
    const next = indent === null ? -1 : nextOf(at);
    const pair = readPair(text, at, next === -1 ? text.length : next);
    if (pair?.value !== undefined) records.set(pair.name, pair.value);
    else if (pair !== null) lost.push(pair.name);
    at = indent === null ? nextMember(text, pair?.end ?? null) : next;
  }
  return { records, lost: lost.filter((name) => !records.has(name)) };
}

/** The white space before each record; null when they do not begin on lines of their own. */
function indentOf(text: string): string | null {
  const match = OPENING.exec(text);
  if (match === null) return INDENT;
  const indent = match[1] ?? '';
  return indent === '' ? null : indent;
}

/** The next record that begins on its own line, before the line that ends the object. */
function nextLine(
  text: string,
  { from, indent, closing }: { from: number; indent: string; closing: number },
): number {
  const line = text.indexOf(`\n${indent}"`, from);
  if (line === -1 || (closing !== -1 && closing < line)) return -1;
  return line + 1 + indent.length;
}

function nextMember(text: string, end: number | null): number {
  if (end === null) return -1;
  const separator = /\s*,\s*(?=")/y;
  separator.lastIndex = end;
  return separator.test(text) ? separator.lastIndex : -1;
}

function readPair(text: string, at: number, limit: number): Pair | null {
  KEY.lastIndex = at;
  const match = KEY.exec(text);
  const name = parseOrUndefined(match?.[1] ?? '');
  if (typeof name !== 'string') return null;
  const start = KEY.lastIndex;
  const end = endOfObject(text, start, limit);
  return { name, end, value: end === null ? undefined : parseOrUndefined(text.slice(start, end)) };
}

/** Where the object that opens at `start` has ended; braces in strings do not count. */
function endOfObject(text: string, start: number, limit: number): number | null {
  let depth = 0;
  let inString = false;
  for (let at = start; at < limit; at++) {
    const char = text[at];
    if (inString && char === '\\') at++;
    else if (char === '"') inString = !inString;
    else if (inString) continue;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return at + 1;
  }
  return null;
}

function parseOrUndefined(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
