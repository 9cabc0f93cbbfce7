/** No list of Multipass's comes near this. */
const MOST_ITEMS = 1000;

/**
 * A place in legacy JSON that is being read leniently: every getter answers, with the fallback where the value is
 * absent, and with the fallback and a warning where it is of a wrong kind. The counterpart of `JsonPlace`.
 */
export class LooseValue {
  readonly value: unknown;
  /** The place, as a person would write it: `mounts[0].source_path`; '' is the whole record. */
  readonly at: string;
  /** Collects the warnings of all places of one record. */
  readonly warnings: string[];

  constructor(value: unknown, warnings: string[], at = '') {
    this.value = value;
    this.warnings = warnings;
    this.at = at;
  }

  /** True when there is nothing here, or null. */
  isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** True for a JSON object. */
  isObject(): boolean {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value);
  }

  /** The value of a key; of anything but an object, nothing. */
  key(name: string): LooseValue {
    const value =
      this.isObject() && Object.hasOwn(this.value as object, name)
        ? (this.value as Record<string, unknown>)[name]
        : undefined;
    return new LooseValue(value, this.warnings, this.at === '' ? name : `${this.at}.${name}`);
  }

  /** The value of a key that holds an object. */
  section(name: string): LooseValue {
    const section = this.key(name);
    if (!section.isAbsent() && !section.isObject()) section.warn('an object', null);
    return section;
  }

  /** The elements of the array here. One of more than `most` is none that Multipass wrote. */
  items(most = MOST_ITEMS): LooseValue[] {
    if (this.isAbsent()) return [];
    if (!Array.isArray(this.value)) return this.warn('a list', []);
    const { length } = this.value;
    if (length > most) return this.warn(`a list of at most ${most} entries, not ${length}`, []);
    return this.value.map(
      (value: unknown, index) => new LooseValue(value, this.warnings, `${this.at}[${index}]`),
    );
  }

  /** The elements that are objects. */
  objects(most = MOST_ITEMS): LooseValue[] {
    return this.items(most).filter((item) => item.isObject() || item.warn('an object', false));
  }

  string<T extends string | null>(fallback: T): string | T {
    if (this.isAbsent()) return fallback;
    return typeof this.value === 'string' ? this.value : this.warn('a string', fallback);
  }

  boolean(fallback: boolean): boolean {
    if (this.isAbsent()) return fallback;
    return typeof this.value === 'boolean' ? this.value : this.warn('true or false', fallback);
  }

  /** A whole number of at least `minimum`, written as a number or as a decimal string. */
  integer<T extends number | null>(minimum: number, fallback: T): number | T {
    if (this.isAbsent()) return fallback;
    const isDecimal = typeof this.value === 'string' && /^\s*-?\d+\s*$/.test(this.value);
    const number = isDecimal ? Number(this.value) : this.value;
    return Number.isSafeInteger(number) && (number as number) >= minimum
      ? (number as number)
      : this.warn(`a whole number of at least ${minimum}`, fallback);
  }

  /** Says in a warning what was expected here, and answers with the fallback. */
  warn<T>(wanted: string, fallback: T): T {
    const found = this.isAbsent() ? 'nothing' : JSON.stringify(this.value).slice(0, 80);
    const place = this.at === '' ? '' : `${this.at}: `;
    this.warnings.push(`${place}expected ${wanted}, found ${found}`);
    return fallback;
  }
}
