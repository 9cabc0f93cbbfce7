import type { Output } from './context.js';
import { printable } from './format/table.js';

const CLEAR_LINE = '\r\u001B[2K';

/** A percentage is shown once work has taken this long: a short copy needs none. */
const PERCENTAGE_AFTER_MS = 500;

/**
 * One turning line on a terminal; silent everywhere else. The cursor stays visible: whatever kills us leaves the
 * terminal as it was.
 */
export class Spinner {
  readonly #output: Output;
  #text: string;
  readonly #frames: readonly string[];
  readonly #started = Date.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #fraction: number | undefined;
  #stopped = false;

  private constructor(output: Output, text: string, frames: readonly string[], interval: number) {
    this.#output = output;
    this.#text = text;
    this.#frames = frames;
    if (!output.isTerminal) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), interval);
    this.#timer.unref();
  }

  /** Starts to turn; the frames, Multipass's own, are loaded for a terminal only. */
  static async start(output: Output, text: string): Promise<Spinner> {
    if (!output.isTerminal) return new Spinner(output, text, [], 0);
    const { default: spinners } = await import('cli-spinners');
    const { frames, interval } = spinners.line;
    return new Spinner(output, text, frames, interval);
  }

  /** Turns on with another text. */
  say(text: string): void {
    this.#text = text;
    this.#fraction = undefined;
  }

  /** Says how much is done, 0 to 1; undefined when that is not known. */
  progress(fraction: number | undefined): void {
    this.#fraction = fraction ?? this.#fraction;
  }

  /** Makes room for a line of another; the spinner goes on below it. */
  clear(): void {
    if (this.#timer !== undefined) this.#output.write(CLEAR_LINE);
  }

  /** Ends it and leaves the line empty. May be called again. */
  stop(): void {
    if (this.#timer === undefined || this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#output.write(CLEAR_LINE);
  }

  #draw(): void {
    const frame = this.#frames[this.#frame % this.#frames.length] ?? '';
    this.#frame += 1;
    const line = printable(`${this.#text}${this.#percentage()}  ${frame}`);
    this.#output.write(`${CLEAR_LINE}${line.slice(0, this.#output.columns - 1)}`);
  }

  #percentage(): string {
    if (this.#fraction === undefined || Date.now() - this.#started < PERCENTAGE_AFTER_MS) return '';
    return `: ${Math.floor(this.#fraction * 100)}%`;
  }
}
