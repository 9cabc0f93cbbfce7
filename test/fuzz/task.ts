/** A reader, and how many inputs it gets. */
export interface Turn {
  readonly reader: string;
  readonly inputs: number;
}

/** What one thread is to do: one reader after the other. */
export interface Task {
  readonly turns: readonly Turn[];
  readonly seed: number;
  /** The folder of the corpus, and one of this task's own. */
  readonly corpus: string;
  readonly folder: string;
  /** The thread's own progress and its present input, for whoever watches it. */
  readonly shared: SharedArrayBuffer;
  /** Of the sources, by `scripts/instrument.mjs`. */
  readonly files: readonly SourceFile[];
}

/** A file of the sources: its places in the counts of branches, and its texts. */
export interface SourceFile {
  readonly first: number;
  readonly last: number;
  readonly words: readonly string[];
}

const LARGEST_SHOWN = 8 * 1024 ** 2;

/** What a thread and its watcher share. */
export class Progress {
  readonly shared: SharedArrayBuffer;
  /** How many inputs were begun, and the length of the present one. */
  readonly #counts: Int32Array;
  readonly #input: Uint8Array;

  constructor(shared = new SharedArrayBuffer(8 + LARGEST_SHOWN)) {
    this.shared = shared;
    this.#counts = new Int32Array(shared, 0, 2);
    this.#input = new Uint8Array(shared, 8);
  }

  get count(): number {
    return Atomics.load(this.#counts, 0);
  }

  begin(input: Uint8Array): void {
    const shown = input.subarray(0, LARGEST_SHOWN);
    this.#input.set(shown);
    Atomics.store(this.#counts, 1, shown.length);
    Atomics.add(this.#counts, 0, 1);
  }

  /** A copy of the present input. */
  input(): Buffer {
    return Buffer.from(this.#input.slice(0, Atomics.load(this.#counts, 1)));
  }
}
