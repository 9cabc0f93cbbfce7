import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { fuzzReader } from './fuzz-reader.js';
import { Judge } from './judge.js';
import type { Place } from './reader.js';
import { allReaders } from './readers/all.js';
import { Progress, type Task } from './task.js';
import { FileWatch } from './watch-files.js';

/** Of the sources: `scripts/instrument.mjs` makes them count in it. */
declare const __hits: Uint8Array;

const task = workerData as Task;
const progress = new Progress(task.shared);
const folder = join(task.folder, 'place');

let isUsed = true;

/** The place of one input, which is made anew after one that had files. */
function place(): Place {
  if (isUsed) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    isUsed = false;
  }
  return {
    folder,
    file: (name, data) => {
      isUsed = true;
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, data);
      return path;
    },
  };
}

function corpusOf(name: string): Buffer[] {
  const own = join(task.corpus, name);
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .sort()
    .map((file) => readFileSync(join(own, file)));
}

function wordsOf(seen: Uint8Array): string[] {
  return task.files
    .filter(({ first, last }) => seen.subarray(first, last + 1).some((times) => times > 0))
    .flatMap(({ words }) => words);
}

const judge = new Judge(FileWatch.begin());
for (const { reader: wanted, inputs } of task.turns) {
  const reader = allReaders.find(({ name }) => name === wanted);
  if (reader === undefined) throw new Error(`there is no reader ${wanted}`);
  const outcome = await fuzzReader(reader, {
    inputs,
    seed: task.seed,
    corpus: corpusOf(reader.name),
    hits: __hits,
    words: wordsOf,
    place,
    judge,
    about: (input) => progress.begin(input),
  });
  parentPort?.postMessage(outcome);
}
