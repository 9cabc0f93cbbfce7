import { letManyListen, sleep, throwIfAborted } from './abort.js';

/** What is being done, in the order of a command's life; `--progress json` shows these words. */
export type Phase =
  // images
  | 'retrieving'
  | 'verifying'
  | 'extracting'
  | 'preparing'
  // instances
  | 'creating'
  | 'copying'
  | 'publishing'
  | 'migrating'
  | 'flattening'
  // guests
  | 'starting'
  | 'initializing'
  | 'stopping'
  | 'suspending'
  | 'mounting'
  | 'transferring'
  // travelling
  | 'exporting'
  | 'importing'
  | 'pushing'
  | 'pulling'
  // snapshots
  | 'snapshotting'
  | 'restoring'
  // the store
  | 'examining';

/** How far a piece of work is. */
export interface Progress {
  /** What is being done. */
  readonly phase: Phase;
  /** Name of the instance it is about; null while there is none, or when it is about several. */
  readonly instance: string | null;
  /** Of this phase, 0 to 1; null when that is not known. */
  readonly fraction: number | null;
  /** Milliseconds since this phase began. */
  readonly elapsedMs: number;
  /** What is waited for, for people: the last line of a guest's console. Null when there is nothing to say. */
  readonly message: string | null;
}

/** What somebody who wants work done may listen to, and how they stop it. */
export interface WorkOptions {
  /** Fires when the work is to be given up: it then fails with ABORTED, and leaves nothing half done. */
  readonly signal?: AbortSignal | undefined;
  /** Told when a phase begins, and how far it is, as often as there is news. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Told what the user should know although all goes well, in a sentence without a full stop. */
  readonly onWarning?: ((warning: string) => void) | undefined;
  /** Told once when a lock has been waited for longer than 2 s: of which instance, and who holds it. */
  readonly onWait?: ((instance: string, holders: string) => void) | undefined;
}

/**
 * One piece of work, for the code that does it: the signal that stops it, and what it reports to. It is handed down
 * whole; where a program or a file operation wants `{ signal }`, it can be passed as it is.
 */
export class Work {
  /** Fires when the work is to be given up; undefined when nobody can stop it. */
  readonly signal: AbortSignal | undefined;
  readonly #options: WorkOptions;
  readonly #scale: (fraction: number) => number;
  #phase: { name: Phase; instance: string | null; began: number } | undefined;

  private constructor(options: WorkOptions, scale: (fraction: number) => number) {
    letManyListen(options.signal);
    this.signal = options.signal;
    this.#options = options;
    this.#scale = scale;
  }

  /** The work that these options describe; with none, nobody is told and nobody can stop it. */
  static of(options: Work | WorkOptions = {}): Work {
    return options instanceof Work ? options : new Work(options, (fraction) => fraction);
  }

  /** Begins a phase. @param instance whom it is about; by default whom the last phase was about */
  begin(phase: Phase, instance: string | null = this.#phase?.instance ?? null): void {
    this.#phase = { name: phase, instance, began: performance.now() };
    this.#tell(null, null);
  }

  /** Tells how much of the phase is done, 0 to 1. Nothing is told before {@link Work.begin}. */
  advance(fraction: number): void {
    this.#tell(this.#scale(fraction), null);
  }

  /** Tells what is being waited for. Nothing is told before {@link Work.begin}. */
  note(message: string): void {
    this.#tell(null, message);
  }

  /** Tells what the user should know although all goes well. */
  warn(warning: string): void {
    this.#options.onWarning?.(warning);
  }

  /** Tells who holds the lock of an instance that is waited for. */
  waitFor(instance: string, holders: string): void {
    this.#options.onWait?.(instance, holders);
  }

  /** To be called between the steps of a workflow. @throws MultipassError ABORTED when the signal has fired */
  throwIfAborted(): void {
    throwIfAborted(this.signal);
  }

  /** Waits; wakes at once when the signal fires. @throws MultipassError ABORTED */
  async sleep(milliseconds: number): Promise<void> {
    await sleep(milliseconds, this.signal);
  }

  /** The same work under another signal, such as that of a deadline. */
  under(signal: AbortSignal | undefined): Work {
    return this.#derive({ ...this.#options, signal }, this.#scale);
  }

  /** The same work, for what is done beside others: its phase is its own. */
  beside(): Work {
    return this.#derive(this.#options, this.#scale);
  }

  /** The `index`-th of `count` equal parts of this work's phase, whose fractions count towards the whole. */
  part(index: number, count: number): Work {
    return this.#derive(this.#options, (fraction) => this.#scale((index + fraction) / count));
  }

  #derive(options: WorkOptions, scale: (fraction: number) => number): Work {
    const derived = new Work(options, scale);
    derived.#phase = this.#phase;
    return derived;
  }

  #tell(fraction: number | null, message: string | null): void {
    if (this.#phase === undefined) return;
    const { name: phase, instance, began } = this.#phase;
    const elapsedMs = Math.round(performance.now() - began);
    this.#options.onProgress?.({ phase, instance, fraction, elapsedMs, message });
  }
}

/** What every request for work may say: how it is stopped, and who is told. */
export interface WorkRequest {
  /** How it is stopped, and who is told how it goes; without, nobody is told. */
  readonly work?: Work | WorkOptions | undefined;
}
