import { stripVTControlCharacters } from 'node:util';
import type { Output } from './context.js';
import { printable } from './format/table.js';

const CLEAR_LINE = '\r\u001B[2K';

/** A percentage is shown once work has taken this long: a short copy needs none. */
const PERCENTAGE_AFTER_MS = 500;

/** From then on the line says how long it has been. */
const ELAPSED_AFTER_MS = 3000;

/**
 * One turning line on a terminal: `Starting web (12s)  /  [    3.2] systemd[1]: Started`. The cursor stays visible:
 * whatever kills us leaves the terminal as it was.
 */
export class Spinner {
  readonly #output: Output;
  readonly #frames: readonly string[];
  readonly #interval: number;
  #timer: NodeJS.Timeout | undefined;
  #text: string;
  #began = Date.now();
  #frame = 0;
  #fraction: number | null = null;
  #note = '';

  private constructor(output: Output, text: string, frames: readonly string[], interval: number) {
    this.#output = output;
    this.#text = text;
    this.#frames = frames;
    this.#interval = interval;
  }

  /** Starts to turn, on a terminal; the frames, Multipass's own, are loaded for that only. */
  static async create(output: Output, text: string): Promise<Spinner> {
    const { default: spinners } = await import('cli-spinners');
    const { frames, interval } = spinners.line;
    const spinner = new Spinner(output, text, frames, interval);
    spinner.start();
    return spinner;
  }

  /** Turns on with another text, of which nothing is done yet. */
  say(text: string): void {
    this.#text = text;
    this.#began = Date.now();
    this.#fraction = null;
    this.#note = '';
  }

  /** Says how much is done, 0 to 1. */
  progress(fraction: number): void {
    this.#fraction = fraction;
  }

  /** Shows a line of somebody else, such as a guest, behind the text: whatever it holds, it steers nothing. */
  note(line: string): void {
    this.#note = stripVTControlCharacters(line).trim();
  }

  /** Makes room for a line of another; the spinner goes on below it. */
  clear(): void {
    this.#output.steer(CLEAR_LINE);
  }

  /** Turns again after {@link stop}; the time in between does not count. */
  start(): void {
    this.#began = Date.now();
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), this.#interval);
    this.#timer.unref();
  }

  /** Ends it and leaves the line empty. May be called again. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.clear();
  }

  #draw(): void {
    const frame = this.#frames[this.#frame % this.#frames.length] ?? '';
    this.#frame += 1;
    const elapsed = Date.now() - this.#began;
    const note = this.#note === '' ? '' : `  ${this.#note}`;
    const line = `${this.#text}${this.#percentage(elapsed)}${secondsOf(elapsed)}  ${frame}${note}`;
    this.#output.steer(CLEAR_LINE);
    this.#output.write(fitting(printable(line), this.#output.columns - 1));
  }

  #percentage(elapsed: number): string {
    if (this.#fraction === null || elapsed < PERCENTAGE_AFTER_MS) return '';
    return `: ${Math.floor(this.#fraction * 100)}%`;
  }
}

function secondsOf(elapsed: number): string {
  return elapsed < ELAPSED_AFTER_MS ? '' : ` (${Math.floor(elapsed / 1000)}s)`;
}

/** The beginning of a text that surely fits. What is not ASCII may be two columns wide, and a line must never wrap. */
function fitting(text: string, columns: number): string {
  let kept = '';
  let used = 0;
  for (const letter of text) {
    used += letter <= '~' ? 1 : 2;
    if (used > columns) break;
    kept += letter;
  }
  return kept;
}
