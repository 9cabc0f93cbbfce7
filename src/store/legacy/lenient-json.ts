import { parseJson } from '../../files/json.js';
import { readLegacyText } from './legacy-file.js';
import { salvageRecords } from './salvage.js';

/** A legacy database as far as it can be read: a JSON object with one member for each record. */
export interface LenientDatabase {
  /**
   * `salvaged`: damaged, and what is complete was kept; `corrupt`: damaged, and nothing could be kept;
   * `empty`: nothing but white space or NULs, which Multipass itself never writes.
   */
  readonly status: 'ok' | 'missing' | 'empty' | 'corrupt' | 'salvaged';
  /** The records by their keys, whatever these are; of a repeated key the last. */
  readonly entries: ReadonlyMap<string, unknown>;
  /** What is wrong, for the user; null when the file is whole or missing. */
  readonly problem: string | null;
}

/**
 * Reads a legacy database leniently: interrupted writes, power cuts and hand edits leave it cut off, filled with
 * NULs, or with something behind its end. Multipass takes such a file for empty; here every complete record counts.
 *
 * @throws MultipassError LEGACY_INVALID when it is no regular file, or too large; PERMISSION_DENIED, IO_ERROR; never
 *   because of what the file holds
 */
export function readLenientDatabase(path: string): LenientDatabase {
  const text = readLegacyText(path);
  if (text === null) return { status: 'missing', entries: new Map(), problem: null };
  const database = parseLenientDatabase(text);
  if (database.problem === null) return database;
  return { ...database, problem: `"${path}" ${database.problem}` };
}

/** As {@link readLenientDatabase}, for a text; the problem is a predicate without its subject. */
export function parseLenientDatabase(text: string): LenientDatabase {
  if (/^[\s\0]*$/.test(text)) return { status: 'empty', entries: new Map(), problem: 'is empty' };
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return salvaged(text);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { status: 'ok', entries: new Map(Object.entries(value)), problem: null };
  return { status: 'corrupt', entries: new Map(), problem: 'is no JSON object' };
}

function salvaged(text: string): LenientDatabase {
  const { records, lost } = salvageRecords(text);
  const kept = records.size === 1 ? '1 complete record' : `${records.size} complete records`;
  const rest = lost.length === 0 ? '' : `; lost: ${lost.map((name) => `"${name}"`).join(', ')}`;
  return {
    status: records.size === 0 ? 'corrupt' : 'salvaged',
    entries: records,
    problem: `is cut off or damaged; kept ${kept}${rest}`,
  };
}
