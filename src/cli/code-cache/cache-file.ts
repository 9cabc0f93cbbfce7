import { closeSync, constants, fstatSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isPrivate } from './cache-folder.js';

/** What one cache file holds. */
export interface CachedCode {
  /** First words of the command lines whose functions are in it. */
  readonly words: readonly string[];
  /** V8's own. */
  readonly code: Buffer;
}

const MAGIC = 'multipass-ts code cache 1';

/**
 * Reads a cache file whole: a first line with its magic, the program's size and time, the checksum of the code and the
 * words; then the code. V8 checks no sum itself, and damaged code of its own may do anything, such as never end.
 * @param stamp tells the program's file as it is now from what it was
 * @returns undefined for one that is not there, that another could have written, or that is not for this program
 */
export function readCacheFile(path: string, stamp: string): CachedCode | undefined {
  const fd = openIfAny(path);
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.uid !== process.geteuid?.() || !isPrivate(stats.mode))
      return undefined;
    const content = readFileSync(fd);
    const end = content.indexOf('\n');
    const [magic, itsStamp, sum, words] = content.toString('utf8', 0, end).split('\t');
    const code = content.subarray(end + 1);
    if (end < 0 || magic !== MAGIC || itsStamp !== stamp || sum !== sumOf(code)) {
      return undefined;
    }
    return { words: words === undefined || words === '' ? [] : words.split(' '), code };
  } finally {
    closeSync(fd);
  }
}

function openIfAny(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** Replaces a cache file atomically: it is on the disk before it has its name. @throws the system's errors */
export function writeCacheFile(path: string, stamp: string, { words, code }: CachedCode): void {
  const head = [MAGIC, stamp, sumOf(code), words.join(' ')].join('\t');
  const draft = `${path}.${process.pid}.draft`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeSync(fd, Buffer.concat([Buffer.from(`${head}\n`), code]));
    fsyncSync(fd);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Against damage, not against people: those are kept out by owner and mode. */
function sumOf(code: Buffer): string {
  return `${code.length}:${crc32(code)}`;
}

const A_MONTH_MS = 30 * 24 * 3600 * 1000;

/** Removes what no version has written anew for a month, and drafts of who was killed. @throws the system's errors */
export function removeOldFiles(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const age = Date.now() - statSync(path).mtimeMs;
    if (age > A_MONTH_MS) rmSync(path, { force: true });
  }
}
