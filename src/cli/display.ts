import { stripVTControlCharacters } from 'node:util';
import type { Progress } from '../index.js';
import type { Output } from './context.js';
import { printable } from './format/table.js';
import { Spinner } from './spinner.js';

/** How the user wants to see work: the values of the options `--quiet` and `--progress`. */
export interface DisplayChoice {
  /** True: warnings alone. */
  readonly quiet: boolean;
  /** `json`: one object a line; undefined: a spinner on a terminal, and elsewhere one line for each long phase. */
  readonly progress: 'json' | undefined;
}

/** What is done, for people: `Cloning web`; or what work begins with, and what it does in each phase. */
export type Title =
  string | { readonly first: string; readonly of: (progress: Progress) => string };

/** Where a piece of work shows how it goes, while it goes on. */
export interface Display {
  progress(progress: Progress): void;
  warning(text: string): void;
  /** @param holders who has the instance's lock, for people */
  waiting(instance: string, holders: string): void;
  /** Shows nothing from now on: there is a question to be asked, or there are results to be written. */
  pause?(): void;
  /** Goes on. */
  resume?(): void;
}

/** Opens what the user wants on stderr. */
export async function openDisplay(
  output: Output,
  { quiet, progress }: DisplayChoice,
  title: Title,
): Promise<Display> {
  if (progress === 'json') return new JsonDisplay(output, quiet);
  if (quiet) return new TextDisplay(output, title, null);
  const text = typeof title === 'string' ? title : title.first;
  const indicator = output.isTerminal
    ? await Spinner.create(output, text)
    : new LongPhases(output, text);
  return new TextDisplay(output, title, indicator);
}

/** What shows the phase that work is in; where nobody watches, it may have little to show. */
interface Indicator {
  say(text: string): void;
  progress?(fraction: number): void;
  note?(line: string): void;
  clear?(): void;
  /** Shows nothing until it is started again. May be called again. */
  stop(): void;
  start(): void;
}

/** For people: what the work is doing now, and a line for everything else that is to be said. */
class TextDisplay implements Display {
  readonly #output: Output;
  readonly #title: Title;
  readonly #indicator: Indicator | null;
  #text: string | undefined;

  /** @param indicator null: warnings alone are shown */
  constructor(output: Output, title: Title, indicator: Indicator | null) {
    this.#output = output;
    this.#title = title;
    this.#indicator = indicator;
  }

  progress(progress: Progress): void {
    this.#say(progress);
    if (progress.fraction !== null) this.#indicator?.progress?.(progress.fraction);
    if (progress.message !== null) this.#indicator?.note?.(progress.message);
  }

  warning(text: string): void {
    this.#write(`warning: ${text}`);
  }

  waiting(instance: string, holders: string): void {
    if (this.#indicator === null) return;
    this.#write(`Waiting for "${instance}", which is in use by ${holders}`);
  }

  pause(): void {
    this.#indicator?.stop();
  }

  resume(): void {
    this.#indicator?.start();
  }

  #say(progress: Progress): void {
    if (typeof this.#title === 'string') return;
    const text = this.#title.of(progress);
    if (text !== this.#text) this.#indicator?.say(text);
    this.#text = text;
  }

  #write(line: string): void {
    this.#indicator?.clear?.();
    this.#output.write(`${printable(line)}\n`);
  }
}

/** A phase that has lasted so long without a terminal is named, once: quick commands stay silent in scripts. */
const NAMED_AFTER_MS = 3000;

/** Where nobody watches: one plain line for each phase that takes long. */
class LongPhases implements Indicator {
  readonly #output: Output;
  #text: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: Output, text: string) {
    this.#output = output;
    this.#text = text;
    this.start();
  }

  say(text: string): void {
    this.#text = text;
    this.stop();
    this.start();
  }

  start(): void {
    const line = `${printable(this.#text)}\n`;
    this.#timer = setTimeout(() => this.#output.write(line), NAMED_AFTER_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Within one phase a line is written at most so often: a download reports every piece. */
const JSON_EVERY_MS = 100;

/** One JSON object a line, for programs. */
class JsonDisplay implements Display {
  readonly #output: Output;
  readonly #quiet: boolean;
  #last: { readonly key: string; readonly at: number } | undefined;

  constructor(output: Output, quiet: boolean) {
    this.#output = output;
    this.#quiet = quiet;
  }

  progress({ phase, instance, fraction, elapsedMs, message }: Progress): void {
    if (this.#quiet) return;
    const key = JSON.stringify([phase, instance, message]);
    const now = Date.now();
    const since = key === this.#last?.key ? now - this.#last.at : Infinity;
    if (since < JSON_EVERY_MS && fraction !== 1) return;
    this.#last = { key, at: now };
    this.#write({
      event: 'progress',
      phase,
      instance,
      fraction,
      elapsed_ms: elapsedMs,
      message: message === null ? null : stripVTControlCharacters(message),
    });
  }

  warning(message: string): void {
    this.#write({ event: 'warning', message });
  }

  waiting(instance: string, holders: string): void {
    if (!this.#quiet) this.#write({ event: 'waiting', instance, holders });
  }

  /** What JSON does not escape itself may still steer a terminal. */
  #write(event: Readonly<Record<string, string | number | null>>): void {
    const line = JSON.stringify(event).replace(
      /[\u007F-\u009F]/g,
      (letter) => String.raw`\u00${letter.charCodeAt(0).toString(16)}`,
    );
    this.#output.write(`${line}\n`);
  }
}
