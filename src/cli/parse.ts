import { absolutePath, notASize, parseMemorySize } from '../command-line.js';
import type { IdMapping, MountType } from '../index.js';
import { usageError } from './failures.js';

/*
 * What the values of options may be, each with its own text for what is wrong: Multipass's, where it has one.
 */

/** Reads the arguments of a command about one instance. @returns its name @throws MultipassError USAGE */
export function parseOneName([name, ...more]: readonly string[]): string {
  if (name !== undefined && more.length === 0) return name;
  throw usageError('Please provide the name of one instance.');
}

/** Reads a number of CPUs: a positive whole number, as `2`, `+2` or ` 2 `. @throws MultipassError USAGE */
export function parseCpus(text: string): number {
  return parsePositive(text, `Error: invalid CPU count '${text}', need a positive integer value.`);
}

/** Reads a number of copies. @throws MultipassError USAGE */
export function parseCount(text: string): number {
  return parsePositive(
    text,
    `Error: invalid number of copies '${text}', need a positive integer value.`,
  );
}

/** Reads a time-out in seconds. @returns milliseconds @throws MultipassError USAGE */
export function parseTimeout(text: string): number {
  const seconds = parsePositive(
    text,
    `error: Invalid timeout '${text}': need a positive number of seconds.`,
  );
  return seconds * 1000;
}

/** Reads a number of minutes from now, as `5` or `+5`; 0 is at once. @throws MultipassError USAGE */
export function parseMinutes(text: string): number {
  const minutes = /^\+?([0-9]{1,6})$/.exec(text)?.[1];
  if (minutes === undefined) throw usageError('Time must be in digit form');
  return Number(minutes);
}

/** Reads a size in bytes, of memory or of a disk. @throws MultipassError USAGE */
export function parseSize(text: string): number {
  const bytes = parseMemorySize(text);
  if (bytes !== null) return bytes;
  throw usageError(`error: ${notASize(text)}`);
}

/** Makes the reader of a map of user or group ids, `<host>:<instance>`. @throws MultipassError USAGE */
export function idMapParser(what: 'UID' | 'GID'): (text: string) => IdMapping {
  return (text) => {
    const [, host, guest] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
    if (host === undefined || guest === undefined) {
      throw usageError(`Invalid ${what} map given: ${text}`);
    }
    return { host: Number(host), guest: Number(guest) };
  };
}

/** Reads a way to mount. @throws MultipassError USAGE */
export function parseMountType(text: string): MountType {
  if (text === 'classic' || text === 'native') return text;
  throw usageError(`Bad mount type '${text}' specified, please use 'classic' or 'native'`);
}

/** Reads what an image is to be taken for. @throws MultipassError USAGE */
export function parseImageFormat(text: string): 'raw' {
  if (text === 'raw') return text;
  throw usageError(`Invalid image format '${text}': any but raw is told by the content.`);
}

/** Reads a form of progress. @throws MultipassError USAGE */
export function parseProgress(text: string): 'json' {
  if (text === 'json') return text;
  throw usageError('Invalid progress format given.');
}

/** What stands before the first colon, and the path behind it: `web:/data`, `web`; undefined without a colon. */
export interface Place {
  readonly of: string;
  readonly path: string | undefined;
}

/** Reads `<of>[:<path>]`. The path may hold colons, and may be empty. */
export function parsePlace(text: string): Place {
  const at = text.indexOf(':');
  return at < 0
    ? { of: text, path: undefined }
    : { of: text.slice(0, at), path: text.slice(at + 1) };
}

/** A folder of the host, and where it is to be in the guest. */
export interface MountPlace {
  /** Absolute. */
  readonly source: string;
  /** Undefined: by the source's own name, in the home folder. */
  readonly target: string | undefined;
}

/** Reads `<source>[:<target>]`; whether there is such a folder is another matter. */
export function parseMountPlace(text: string): MountPlace {
  const { of: source, path: target } = parsePlace(text);
  return { source: absolutePath(source), target };
}

function parsePositive(text: string, complaint: string): number {
  if (/^\s*\+?[0-9]{1,6}\s*$/.test(text) && Number(text) > 0) return Number(text);
  throw usageError(complaint);
}
