/**
 * Switches guards of the core off, one at a time, and runs the tests that must notice.
 *
 *   npm run test:mutation               all
 *   npm run test:mutation -- lock.ts    those of files, or with reasons, that contain one of the words
 */
import type { Mutant } from './mutant.js';
import { MUTANTS } from './mutants.js';
import { Workshop } from './workshop.js';

const words = process.argv.slice(2);
const mutants = MUTANTS.filter(
  ({ file, why }) =>
    words.length === 0 || words.some((word) => file.includes(word) || why.includes(word)),
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await using workshop = await Workshop.open(import.meta.dirname);
for (const mutant of mutants) await workshop.check(mutant);
const untouched = await workshop.test([...new Set(mutants.flatMap(({ tests }) => tests))]);
if (untouched.failed !== undefined) {
  throw new Error(`without a mutant the tests fail already: ${untouched.failed}`);
}
const survivors: Mutant[] = [];
for (const mutant of mutants) {
  const { failed } = await workshop.try(mutant);
  console.log(`${failed === undefined ? 'SURVIVED' : 'killed  '}  ${mutant.file}: ${mutant.why}`);
  if (failed === undefined) survivors.push(mutant);
  else console.log(`          by ${failed.split('\n', 1).join('')}`);
}
console.log(`\n${mutants.length - survivors.length} of ${mutants.length} mutants were killed`);
if (survivors.length > 0) process.exitCode = 1;
