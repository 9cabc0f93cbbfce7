import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MultipassError } from '../../src/errors.js';
import type { FuzzedReader, Place } from './reader.js';
import type { FileWatch } from './watch-files.js';

/** What came of one input. */
export interface Verdict {
  readonly outcome: 'taken' | 'refused' | 'fault';
  /** What is wrong with the reader. */
  readonly fault?: string;
  /** Faults with the same one are one fault. */
  readonly kind?: string;
}

/** Each allocation of a reader is of at most so many bytes: the largest file that one reads whole has 64 MiB. */
const LARGEST_ALLOCATION = 80 * 1024 ** 2;

const PROTOTYPES = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  String.prototype,
  Map.prototype,
];

/** Judges what a reader does with one input, whatever that is. */
export class Judge {
  readonly #files: FileWatch;
  readonly #prototypes = PROTOTYPES.map(countKeys);
  #largest = 0;

  constructor(files: FileWatch) {
    this.#files = files;
    this.#watchAllocations();
  }

  async judge(reader: FuzzedReader, input: Buffer, place: Place): Promise<Verdict> {
    const before = reader.opens === true ? openFiles() : 0;
    this.#largest = 0;
    this.#files.confine(place.folder);
    let verdict: Verdict;
    try {
      verdict = await this.#tried(reader, input, place);
    } finally {
      this.#files.confine(undefined);
    }
    const besides = await this.#besides(reader, before);
    if (besides === undefined) return verdict;
    return { outcome: 'fault', fault: besides, kind: besides.replace(/[:"].*/, '') };
  }

  async #tried(reader: FuzzedReader, input: Buffer, place: Place): Promise<Verdict> {
    let result: unknown;
    try {
      result = await reader.read(input, place);
    } catch (error) {
      return verdictOn(error, reader);
    }
    try {
      const problem = reader.problem?.(result, input, place) ?? strangePrototype(result);
      if (problem === undefined) return { outcome: 'taken' };
      return {
        outcome: 'fault',
        fault: `a wrong result: ${problem}`,
        kind: `wrong ${problem.slice(0, 24)}`,
      };
    } catch (error) {
      return {
        outcome: 'fault',
        fault: `a wrong result: ${describe(error)}`,
        kind: `wrong ${placeIn(error)}`,
      };
    }
  }

  async #besides(reader: FuzzedReader, before: number): Promise<string | undefined> {
    const strays = this.#files.take();
    if (strays.length > 0) return `it touched what is not its own: ${strays.join(', ')}`;
    const polluted = PROTOTYPES.findIndex((one, at) => countKeys(one) !== this.#prototypes[at]);
    if (polluted >= 0) return `it changed a prototype: number ${polluted}`;
    if (this.#largest > LARGEST_ALLOCATION) return `it allocated too much: ${this.#largest} bytes`;
    if (reader.opens === true && (await leavesOpen(before))) return 'it left a file open';
    return undefined;
  }

  #watchAllocations(): void {
    for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
      // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with what it is called with
      const real = Buffer[name];
      Buffer[name] = new Proxy(real, {
        apply: (_, self, args: [number]): unknown => {
          this.#largest = Math.max(this.#largest, args[0]);
          return Reflect.apply(real, self, args);
        },
      });
    }
  }
}

function verdictOn(error: unknown, reader: FuzzedReader): Verdict {
  if (error instanceof MultipassError && error.message !== '') {
    return { outcome: 'refused' };
  }
  const isAllowed = error instanceof Error && reader.mayThrow?.(error) === true;
  if (isAllowed) return { outcome: 'refused' };
  return { outcome: 'fault', fault: describe(error), kind: `${nameOf(error)} ${placeIn(error)}` };
}

/** A plain object of a result whose prototype an input chose. */
function strangePrototype(value: unknown, depth = 0): string | undefined {
  if (typeof value !== 'object' || value === null || depth > 6) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || prototype === Object.prototype;
  if (!isPlain && !Object.hasOwn(prototype as object, 'constructor'))
    return 'the prototype of an object is of the input';
  if (!isPlain && !Array.isArray(value)) return undefined;
  for (const inner of Object.values(value).slice(0, 50)) {
    const problem = strangePrototype(inner, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function countKeys(object: object): number {
  return Reflect.ownKeys(object).length;
}

/** Whoever watches looks at /proc now and then, which is none of the reader's doing. */
async function leavesOpen(before: number): Promise<boolean> {
  for (let times = 0; times < 50; times += 1) {
    if (openFiles() <= before) return false;
    // What is destroyed is closed a little later.
    await sleep(times);
  }
  return true;
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : typeof error;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  return `it threw ${error.constructor.name}: ${error.message.slice(0, 300)} ${placeIn(error)}`;
}

/** Where in our sources, or else anywhere, an error is from. */
function placeIn(error: unknown): string {
  const lines = (error instanceof Error ? (error.stack ?? '') : '').split('\n').slice(1);
  const own = lines.find((line) => /[/\\]src[/\\]/.test(line)) ?? lines[0] ?? '';
  return own
    .trim()
    .replace(/\(?\S*[/\\](src[/\\])/, '($1')
    .slice(0, 200);
}
