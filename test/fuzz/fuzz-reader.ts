import { Coverage } from './coverage.js';
import type { Judge, Verdict } from './judge.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateJson, someJson } from './mutate-json.js';
import { mutateText } from './mutate-text.js';
import { Random, seedFor } from './random.js';
import type { FuzzedReader, Place } from './reader.js';
import { shrink } from './shrink.js';

/** A fault, with an input that shows it. */
export interface Found {
  readonly reader: string;
  readonly fault: string;
  /** Base64, as small as it was made. */
  readonly input: string;
}

/** What came of many inputs. */
export interface Outcome {
  readonly reader: string;
  readonly inputs: number;
  readonly taken: number;
  readonly refused: number;
  /** Branches of the sources that were taken. */
  readonly branches: number;
  /** Inputs that led to new ones. */
  readonly kept: number;
  readonly seconds: number;
  /** Of one input, in milliseconds. */
  readonly slowest: number;
  readonly found: readonly Found[];
}

/** What a reader is fuzzed with. */
export interface Effort {
  readonly inputs: number;
  readonly seed: number;
  /** Inputs that showed a fault once: they come first. */
  readonly corpus: readonly Buffer[];
  /** Counted by the sources. */
  readonly hits: Uint8Array;
  /** Words of the sources that inputs came through, by what they hit. */
  readonly words: (seen: Uint8Array) => readonly string[];
  readonly place: () => Place;
  readonly judge: Judge;
  /** Told of each input before it is tried, so that whoever watches knows it if it never ends. */
  readonly about: (input: Buffer) => void;
}

const LARGEST_KEPT = 16 * 1024;
const MOST_FAULTS = 8;

/** Tries a reader with its samples, what once showed a fault, and changes of all of them that lead anywhere new. */
export async function fuzzReader(reader: FuzzedReader, effort: Effort): Promise<Outcome> {
  const begun = performance.now();
  const random = new Random(seedFor(effort.seed, reader.name));
  const coverage = new Coverage(effort.hits);
  const first = [...(await reader.samples()), ...effort.corpus];
  if (reader.grammar === 'json') first.push(...someJson(effort.seed, 20));
  const queue: Buffer[] = [];
  const taken: Buffer[] = [];
  const faults = new Map<string, Found>();
  const count = { taken: 0, refused: 0, fault: 0 };
  let slowest = 0;

  const attempt = async (input: Buffer): Promise<Verdict> => {
    effort.about(input);
    const before = performance.now();
    const verdict = await effort.judge.judge(reader, Buffer.from(input), effort.place());
    slowest = Math.max(slowest, performance.now() - before);
    return verdict;
  };

  let words: readonly string[] = [];
  for (let done = 0; done < effort.inputs; done += 1) {
    const given = first[done];
    const input =
      given ??
      change(reader, pickFrom(taken.length > 0 && random.chance(0.6) ? taken : queue, random), {
        random,
        queue,
        words,
      });
    coverage.begin();
    const verdict = await attempt(input);
    count[verdict.outcome] += 1;
    const isNew = coverage.isNew();
    const isKept = (given !== undefined || isNew) && input.length <= LARGEST_KEPT;
    if (isKept) queue.push(input);
    if (isKept && verdict.outcome === 'taken') taken.push(input);
    if (done === first.length - 1) words = effort.words(coverage.seen);
    if (verdict.outcome !== 'fault' || faults.has(verdict.kind ?? '')) continue;
    const isSame = async (smaller: Buffer): Promise<boolean> =>
      (await attempt(smaller)).kind === verdict.kind;
    const least = await shrink(input, isSame);
    const { fault = `once: ${verdict.fault ?? ''}` } = await attempt(least);
    faults.set(verdict.kind ?? '', { reader: reader.name, fault, input: least.toString('base64') });
    if (faults.size >= MOST_FAULTS) break;
  }
  return {
    reader: reader.name,
    inputs: count.taken + count.refused + count.fault,
    taken: count.taken,
    refused: count.refused,
    branches: coverage.count,
    kept: Math.max(0, queue.length - first.length),
    seconds: (performance.now() - begun) / 1000,
    slowest,
    found: [...faults.values()],
  };
}

/** What was found last leads on more often. */
function pickFrom(queue: readonly Buffer[], random: Random): Buffer {
  if (random.chance(0.3))
    return queue[queue.length - 1 - random.small(queue.length)] ?? Buffer.alloc(0);
  return random.pick(queue);
}

function change(
  { grammar, mend }: FuzzedReader,
  input: Buffer,
  {
    random,
    queue,
    words,
  }: {
    readonly random: Random;
    readonly queue: readonly Buffer[];
    readonly words: readonly string[];
  },
): Buffer {
  let changed = input;
  for (let times = random.chance(0.6) ? 1 : 1 + random.small(4); times > 0; times -= 1) {
    if (grammar === 'bytes' || random.chance(0.15)) {
      changed = mutateBytes(changed, random, { others: queue, words });
    } else if (grammar === 'json') {
      changed =
        mutateJson(changed, random, words) ??
        mutateBytes(changed, random, { others: queue, words });
    } else {
      changed = mutateText(changed, random, { kind: grammar, words });
    }
    // Few are beyond the limits of readers, for those take long.
    const most = random.chance(0.002) ? 6 * 1024 ** 2 : Math.max(16 * 1024, 2 * input.length);
    if (changed.length > most) changed = changed.subarray(0, most);
  }
  return mend !== undefined && random.chance(0.8) ? mend(changed) : changed;
}
