import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTask } from './watched-task.js';
import { allReaders } from './readers/all.js';
import type { SourceFile } from './task.js';

/** What `scripts/test-fuzz.mjs` has us do: one line of JSON on stdout for each reader. */
interface Order {
  /** A folder with the program of the threads and what is to be known of it. */
  readonly program: string;
  readonly corpus: string;
  /** Names of readers, or parts of those; none: all. */
  readonly wanted: readonly string[];
  readonly inputs: number;
  readonly seed: number;
  /** Which of how many processes this one is. */
  readonly lane: number;
  readonly lanes: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const wanted = allReaders.filter(
  ({ name }) => order.wanted.length === 0 || order.wanted.some((word) => name.includes(word)),
);
if (wanted.length === 0) throw new Error(`there is no such reader: ${order.wanted.join(', ')}`);
const facts = readFileSync(join(order.program, 'facts.json'), 'utf8');
const files = Object.values((JSON.parse(facts) as { files: Record<string, SourceFile> }).files);
const shares = wanted.reduce((sum, { share = 1 }) => sum + share, 0);
const turns = wanted
  .map(({ name, share = 1 }) => ({
    reader: name,
    inputs: Math.ceil((order.inputs * share) / shares),
  }))
  .filter((_, at) => at % order.lanes === order.lane);
const { corpus, seed } = order;
await runTask(join(order.program, 'worker.mjs'), { turns, seed, corpus, files }, (outcome) => {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
});
