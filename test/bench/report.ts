/** A time that was measured, and what of. */
export interface Measured {
  readonly what: string;
  /** Median, in milliseconds; the middle half of all rounds lies between `low` and `high`. */
  readonly ms: number;
  readonly low: number;
  readonly high: number;
  /** Computed meanwhile, in milliseconds: mean of all rounds, of this process and of the programs it waited for. */
  readonly cpuMs: number;
}

/**
 * What a comparison should come to: that many times faster, no more than that many times as long, or no more than that
 * many milliseconds longer.
 */
export type Aim =
  { readonly faster: number } | { readonly atMost: number } | { readonly addsAtMost: number };

/** Ours against something else, both timed in the same rounds. */
export interface Comparison {
  readonly name: string;
  readonly ours: Measured;
  readonly against: Measured;
  /** Without one, the ratio is only told: how many times faster ours is. */
  readonly aim?: Aim;
}

/** The outcome of one comparison, as the JSON file has it. */
export interface Outcome extends Comparison {
  readonly ratio: number;
  /** Null without an aim. */
  readonly met: boolean | null;
}

/** Works out ratios and whether they are what they should be. */
export function judge(comparison: Comparison): Outcome {
  const { ours, against, aim } = comparison;
  if (aim !== undefined && 'atMost' in aim) {
    const ratio = ours.ms / against.ms;
    return { ...comparison, ratio, met: ratio <= aim.atMost };
  }
  if (aim !== undefined && 'addsAtMost' in aim) {
    const added = ours.ms - against.ms;
    return { ...comparison, ratio: ours.ms / against.ms, met: added <= aim.addsAtMost };
  }
  const ratio = against.ms / ours.ms;
  return { ...comparison, ratio, met: aim === undefined ? null : ratio >= aim.faster };
}

const HEADER = ['case', 'ours', 'against', 'ratio', 'aim', ''];

/** The outcomes as a table of plain text. */
export function formatOutcomes(outcomes: readonly Outcome[]): string {
  const rows = [HEADER, ...outcomes.map(toRow)];
  const widths = HEADER.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, at) => cell.padEnd((widths[at] ?? 0) + 2)).join(''))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function toRow({ name, ours, against, ratio, aim, met }: Outcome): string[] {
  return [
    name,
    toCell(ours),
    toCell(against),
    `${ratio.toFixed(ratio < 10 ? 2 : 1)}x`,
    aim === undefined ? '-' : textOf(aim),
    met === null ? '' : met ? 'met' : 'MISSED',
  ];
}

function textOf(aim: Aim): string {
  if ('atMost' in aim) return `<= ${aim.atMost}x`;
  return 'faster' in aim ? `>= ${aim.faster}x` : `<= +${aim.addsAtMost} ms`;
}

function toCell({ what, ms, low, high, cpuMs }: Measured): string {
  const spread = `${rounded(low)} to ${rounded(high)}`;
  return `${what} ${rounded(ms)} ms (${spread}, cpu ${rounded(cpuMs)})`;
}

function rounded(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}
