import { fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { readCacheFile, removeOldFiles, writeCacheFile, type CachedCode } from './cache-file.js';
import { codeCacheFolder } from './cache-folder.js';

/** A program: a CommonJS module in one file. */
export interface Program {
  readonly file: string;
  /** Hash of its content. */
  readonly digest: string;
  /** What it is run for: each word uses functions of its own. */
  readonly word: string;
  readonly require: NodeJS.Require;
}

type ModuleFunction = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void;

/** Letters and digits only, and no more of them than there are commands: it becomes part of a file. */
const WORD = /^[a-z_-]{1,24}$/;
const MOST_WORDS = 100;

/**
 * Runs a program with what V8 kept of its compiled code, which saves more than half of a short command's time; at its
 * end keeps what V8 has compiled, when that was not there or not for this word. The cache is a matter of speed alone:
 * whatever is wrong with it, the program runs as if there was none. V8 itself refuses code of another version of it,
 * or with other flags.
 */
export function runWithCodeCache({ file, digest, word, require }: Program): void {
  const fd = openSync(file, 'r');
  const { size, mtimeMs } = fstatSync(fd);
  // The build leaves no character beyond Latin-1, and V8 takes one byte each as it is.
  const text = readFileSync(fd, 'latin1');
  const cache = cacheOf(file, digest, `${size} ${mtimeMs}`);
  const cached = cache?.read();
  const source = `(function(exports,require,module,__filename,__dirname){${text}\n})`;
  const script = new Script(source, {
    filename: file,
    ...(cached === undefined ? {} : { cachedData: cached.code }),
  });
  const module = { exports: {} };
  const run = script.runInThisContext() as ModuleFunction;
  const isKnown = cached !== undefined && script.cachedDataRejected !== true;
  const words = isKnown ? cached.words : [];
  if (
    cache !== undefined &&
    WORD.test(word) &&
    !words.includes(word) &&
    words.length < MOST_WORDS
  ) {
    process.once('exit', () =>
      cache.write({ words: [...words, word], code: script.createCachedData() }),
    );
  }
  run(module.exports, require, module, file, dirname(file));
}

interface Cache {
  read(): CachedCode | undefined;
  write(content: CachedCode): void;
}

/** @returns undefined where none may be used: coverage wants every function compiled anew */
function cacheOf(file: string, digest: string, stamp: string): Cache | undefined {
  if (process.env['NODE_V8_COVERAGE'] !== undefined) return undefined;
  const folder = quietly(codeCacheFolder);
  if (folder === undefined) return undefined;
  const path = join(folder, `${digest}-${process.version}-${process.arch}`);
  return {
    read: () => quietly(() => readCacheFile(path, stamp)),
    write: (content) =>
      quietly(() => {
        writeCacheFile(path, stamp, content);
        removeOldFiles(folder);
      }),
  };
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
