/** A figure, and what it may be at most. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Undefined: only told. */
  readonly atMost?: number | undefined;
}

/** What a part of the load is given. */
export interface Load {
  /** A folder of its own, removed afterwards. */
  readonly folder: string;
  /** The words that run the built command. */
  readonly command: readonly string[];
  /** How long the soak lasts. */
  readonly minutes: number;
  /** How many instances there are in a large store. */
  readonly instances: number;
  /** How many clones are made at once. */
  readonly clones: number;
  readonly say: (text: string) => void;
  readonly tell: (figure: Figure) => void;
}

/** Whether a figure is within its bound. */
export function isWithin({ value, atMost }: Figure): boolean {
  return atMost === undefined || value <= atMost;
}

/** As a row of a table. */
export function rowOf(figure: Figure): string {
  const { what, value, unit, atMost } = figure;
  const shown = value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(2);
  const bound = atMost === undefined ? '' : `at most ${atMost} ${unit}`;
  return `| ${what} | ${shown} ${unit} | ${bound} | ${isWithin(figure) ? '' : 'TOO MUCH'} |`;
}
