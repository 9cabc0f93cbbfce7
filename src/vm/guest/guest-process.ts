import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** How a program in a guest has ended. */
export interface GuestExit {
  /** Its exit code, or 128 and the number of the signal that ended it, as shells have it. */
  readonly exitCode: number;
  /** The signal that such an exit code stands for; null for any other. */
  readonly signal: NodeJS.Signals | null;
}

/** What a {@link GuestProcess} is made of. */
export interface GuestProcessParts {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<GuestExit>;
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
}

/**
 * A program that runs in a guest, over a connection of its own. Iterating over it gives the lines that it writes to
 * stdout. `await using` sends it SIGTERM at the end of the block, and waits for its end.
 */
export class GuestProcess implements AsyncDisposable, AsyncIterable<string> {
  /** Its number in the guest. */
  readonly pid: number;
  /** What it reads; end it when there is nothing more. */
  readonly stdin: Writable;
  /** Like {@link GuestProcess.stderr} to be read to its end, or the program waits when the connection is full. */
  readonly stdout: Readable;
  /** As `stdout`. */
  readonly stderr: Readable;
  /**
   * Resolves when the program has ended; what it wrote may still be read then.
   * @throws MultipassError SSH_FAILED when the connection was lost: nobody knows what became of it
   */
  readonly exited: Promise<GuestExit>;
  readonly #kill: (signal: NodeJS.Signals) => Promise<void>;
  #hasExited = false;

  /** @internal Users have `vm.spawn`. */
  constructor({ pid, stdin, stdout, stderr, exited, kill }: GuestProcessParts) {
    this.pid = pid;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#kill = kill;
    this.exited = exited.finally(() => {
      this.#hasExited = true;
    });
    // Whoever does not ask how it ended is not told by a crash of the whole process.
    this.exited.catch(() => undefined);
  }

  /**
   * Sends it a signal, and does not wait for its end; nothing happens when it has ended already. What it has started
   * itself gets none.
   * @throws MultipassError SSH_FAILED, COMMAND_FAILED when the signal cannot be sent
   */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.#hasExited) await this.#kill(signal);
  }

  /** The lines that it writes to stdout, as they come. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    yield* createInterface({ input: this.stdout, crlfDelay: Infinity });
  }

  /** What `JSON.stringify` writes of it: its number in the guest. */
  toJSON(): Pick<GuestProcess, 'pid'> {
    return { pid: this.pid };
  }

  /** What `console.log` shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `${this.constructor.name}(${this.pid}, ${this.#hasExited ? 'ended' : 'running'})`;
  }

  /** Sends it SIGTERM, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.stdin.end();
    this.stdout.resume();
    this.stderr.resume();
    await this.exited.catch(() => undefined);
  }
}
