import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StoreLayout } from '../../src/store/layout.js';
import { openInstance } from '../../src/vm/open.js';
import { instanceEntryNames } from '../../src/store/listing.js';
import { Work } from '../../src/work.js';
import { PYTHON } from './python.js';

const CHECKER = fileURLToPath(new URL('./check_store', import.meta.url));

/** Something in a store that is not as docs/store-layout.md has it. */
export interface Violation {
  readonly kind: string;
  /** Relative to the store. */
  readonly path: string;
  readonly text: string;
}

interface Waiting {
  readonly resolve: (found: Violation[]) => void;
  readonly reject: (error: Error) => void;
}

let checker: Checker | undefined;

/**
 * What the checker in `check_store` has to say of a store, which shares no code and no language with the product.
 * @param atRest nobody works on the store, and what killed commands left has been cleared away; else only what holds
 *   at any moment is looked at
 */
export async function violationsOf(
  { root }: StoreLayout,
  { atRest }: { readonly atRest: boolean },
): Promise<Violation[]> {
  checker ??= new Checker();
  return await checker.ask({ root, atRest });
}

/** One more command on each instance, which changes nothing of it: opened, it is put in order. */
export async function settleAll(layout: StoreLayout): Promise<void> {
  for (const name of instanceEntryNames(layout)) {
    const opened = await openInstance(layout, name, {
      for: 'test',
      states: ['Stopped', 'Suspended', 'Deleted'],
      copy: 'allowed',
      disk: 'any',
      work: Work.of({}),
    });
    await opened[Symbol.asyncDispose]();
  }
}

/** A process that answers one question after the other: starting Python takes longer than looking at a store. */
class Checker {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting: Waiting[] = [];
  #complaint = '';

  constructor() {
    const child = spawn(PYTHON, ['-BIS', CHECKER, '--serve']);
    this.#process = child;
    createInterface(child.stdout).on('line', (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line) as Violation[]);
      this.#letGo();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text));
    child.once('close', () => {
      checker = undefined;
      const error = new Error(`the independent checker ended: ${this.#complaint}`);
      for (const { reject } of this.#waiting) reject(error);
    });
  }

  async ask(question: { root: string; atRest: boolean }): Promise<Violation[]> {
    this.#process.ref();
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#process.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  /** Nobody has to end it: it ends with its stdin, and keeps nobody from ending. */
  #letGo(): void {
    if (this.#waiting.length > 0) return;
    this.#process.unref();
    for (const pipe of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) {
      (pipe as unknown as { unref(): void }).unref();
    }
  }
}
