import { RecordError } from '../errors.js';
import { parseJson } from './json.js';

/** The keys of a record that this version does not know. They survive a rewrite. @public */
export const UNKNOWN_KEYS: unique symbol = Symbol('unknown keys');

/**
 * A record of the store: what a newer version has written into it besides, which this one does not know, is kept when
 * it is changed. Spreading it (`{ ...record, change }`) carries that along.
 */
export interface WithUnknownKeys {
  /** @internal */
  readonly [UNKNOWN_KEYS]?: Readonly<Record<string, unknown>>;
}

/** No list of a record comes near this, where nothing else is said. */
const MOST_ITEMS = 1000;

/**
 * A place in a JSON document that is being decoded strictly: every getter either answers with the wanted type
 * or throws a RecordError that names the file and the place (RFC 6901).
 */
export class JsonPlace {
  readonly path: string;
  readonly value: unknown;
  readonly #above: JsonPlace | undefined;
  readonly #step: string;

  private constructor(path: string, value: unknown, above?: JsonPlace, step = '') {
    this.path = path;
    this.value = value;
    this.#above = above;
    this.#step = step;
  }

  /** JSON pointer (RFC 6901) to here. Put together when it is asked for, which is when something is wrong. */
  get at(): string {
    return this.#above === undefined ? '' : `${this.#above.at}/${escapePointer(this.#step)}`;
  }

  /**
   * Parses the text of a whole file.
   * @throws RecordError (RECORD_INVALID) when it is empty, truncated, no JSON, or beyond {@link parseJson}'s limits
   */
  static parse(path: string, text: string): JsonPlace {
    if (text.trim() === '') throw new RecordError({ path, at: '' }, 'the file is empty');
    try {
      return new JsonPlace(path, parseJson(text));
    } catch (error) {
      throw new RecordError({ path, at: '' }, `not valid JSON: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Throws a RecordError about this very place. */
  fail(problem: string): never {
    throw new RecordError({ path: this.path, at: this.at }, problem);
  }

  /** The object here, whatever its keys. */
  object(): Readonly<Record<string, unknown>> {
    if (!isPlainObject(this.value))
      return this.fail(`expected an object, found ${nameOf(this.value)}`);
    return this.value;
  }

  /** The place of a key in the object here; its value is undefined when there is no such key. */
  key(name: string): JsonPlace {
    const object = this.object();
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    return new JsonPlace(this.path, value, this, name);
  }

  /** The places of the array here, in order. One of more than `most` entries is refused: each costs work. */
  items(most = MOST_ITEMS): JsonPlace[] {
    if (!Array.isArray(this.value))
      return this.fail(`expected an array, found ${nameOf(this.value)}`);
    const { length } = this.value;
    if (length > most) return this.fail(`expected at most ${most} entries, found ${length}`);
    return this.value.map(
      (value: unknown, index) => new JsonPlace(this.path, value, this, String(index)),
    );
  }

  /** True when the key is absent or null. */
  isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  string(): string {
    if (typeof this.value !== 'string')
      return this.fail(`expected a string, found ${nameOf(this.value)}`);
    return this.value;
  }

  /** A string that matches; `wanted` says what was expected, in words. */
  matching(pattern: RegExp, wanted: string): string {
    const text = this.string();
    if (!pattern.test(text)) return this.fail(`expected ${wanted}, found ${JSON.stringify(text)}`);
    return text;
  }

  boolean(): boolean {
    if (typeof this.value !== 'boolean')
      return this.fail(`expected true or false, found ${nameOf(this.value)}`);
    return this.value;
  }

  /** A whole number of at least `minimum` that a double holds exactly. */
  integer(minimum: number): number {
    if (!Number.isSafeInteger(this.value) || (this.value as number) < minimum) {
      return this.fail(
        `expected a whole number of at least ${minimum}, found ${nameOf(this.value)}`,
      );
    }
    return this.value as number;
  }

  oneOf<const T extends string>(choices: readonly T[]): T {
    const found = choices.find((choice) => choice === this.value);
    if (found === undefined)
      return this.fail(`expected one of ${choices.join(', ')}, found ${nameOf(this.value)}`);
    return found;
  }

  /** What the object here has besides the keys in `known`, under {@link UNKNOWN_KEYS}. */
  unknownKeys(known: readonly string[]): WithUnknownKeys {
    const rest = Object.entries(this.object()).filter(([key]) => !known.includes(key));
    return rest.length === 0 ? {} : { [UNKNOWN_KEYS]: Object.fromEntries(rest) };
  }
}

/**
 * The JSON value of a record: its own keys first, then the unknown ones it was read with, all the way down.
 * The inverse of decoding, so that a newer version's keys are kept by an older one.
 */
export function encodeRecord(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(encodeRecord);
  // Value objects such as MacAddress write themselves (toJSON).
  if (!isPlainObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const known = Object.entries(value).map(([key, item]) => [key, encodeRecord(item)] as const);
  const unknown = (value as WithUnknownKeys)[UNKNOWN_KEYS] ?? {};
  return { ...Object.fromEntries(known), ...unknown };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return JSON.stringify(value);
}
