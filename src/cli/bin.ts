#!/usr/bin/env node
// Starts the command: which of its programs the first word wants, by V8's cache of its code where there is one.
import { join } from 'node:path';
import { runWithCodeCache } from './code-cache/run-with-code-cache.js';

/** What the build knows of each program: the hash of its content. */
declare const PROGRAMS: Readonly<Record<'all' | 'quick', string>>;

/** The first words that the quick program knows, as `commands/quick.ts` has them. */
declare const QUICK_WORDS: readonly string[];

const [, , word = ''] = process.argv;
const name = QUICK_WORDS.includes(word) ? 'quick' : 'all';
runWithCodeCache({
  file: join(__dirname, `${name}.cjs`),
  digest: PROGRAMS[name],
  word,
  require,
});
