import { log } from '../command-line.js';
import type { CliContext } from './context.js';
import { formatJson } from './format/json.js';
import type { PlainData } from './format/plain-data.js';

/** The keys and values of a JSON object. */
export type JsonObject = Readonly<Record<string, PlainData>>;

/** Adds something that was done. @param text what it is called in the log; by default the item itself */
export type AddDone = (item: PlainData, text?: string) => void;

/**
 * What a command that changes something has done: with `--format json` one object on stdout, once all has ended;
 * otherwise what the command prints, and with `-v` a line of the log for each thing done.
 */
export class Outcome {
  /** Whether the user wants JSON. */
  readonly isJson: boolean;
  readonly #context: Pick<CliContext, 'stdout'>;
  readonly #command: string;
  readonly #json: Record<string, PlainData> = {};

  /** @param command its name, for the log */
  constructor(context: Pick<CliContext, 'stdout'>, command: string, isJson: boolean) {
    this.#context = context;
    this.#command = command;
    this.isJson = isJson;
  }

  /** What was done so far, as JSON. */
  get json(): JsonObject {
    return this.#json;
  }

  /** Sets keys of the JSON. */
  set(json: JsonObject): void {
    Object.assign(this.#json, json);
  }

  /** Begins a list of the JSON, which is there though nothing is added to it. */
  list(key: string): AddDone {
    const items: PlainData[] = [];
    this.#json[key] = items;
    return (item, text = typeof item === 'string' ? item : JSON.stringify(item)) => {
      items.push(item);
      this.note(`${key}: ${text}`);
    };
  }

  /** Tells what was done to who has asked for more by `-v`. */
  note(text: string): void {
    log('info', this.#command, text);
  }

  /** Prints on stdout what a person is told; nothing for who wants JSON. */
  print(text: string): void {
    if (!this.isJson) this.#context.stdout.write(text);
  }

  /** Prints the JSON, if it is wanted and there is any. */
  finish(): void {
    if (!this.isJson || Object.keys(this.#json).length === 0) return;
    this.#context.stdout.write(formatJson(this.#json));
  }
}

/** What stopped a command whose result is wanted as JSON, and what it had done before. */
export class ChangeFailure extends Error {
  readonly done: JsonObject;

  constructor(done: JsonObject, cause: unknown) {
    super('a change failed', { cause });
    this.done = done;
  }
}
