import type { LossReport } from '../../index.js';

/** What stayed, changed and was lost of a machine that went from one engine to another; '' for nothing. */
export function formatLosses({ kept, changed, lost, check }: LossReport): string {
  const lines = [
    ...(kept.length === 0
      ? []
      : [`Kept: ${kept.map(({ what, value }) => `${what} ${plain(value)}`).join(', ')}`]),
    ...changed.map(
      ({ what, from, to, effect }) => `Changed: ${what}, ${plain(from)} to ${plain(to)}: ${effect}`,
    ),
    ...lost.map(
      ({ what, value, instead }) => `Lost: ${what}, ${plain(value)}; instead: ${instead}`,
    ),
    ...check.map((line) => `To check: ${plain(line)}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The same with `--format json`. */
export function lossesJson({ kept, changed, lost, check }: LossReport) {
  return {
    kept: kept.map(({ what, value }) => ({ what, value })),
    changed: changed.map(({ what, from, to, effect }) => ({ what, from, to, effect })),
    lost: lost.map(({ what, value, instead }) => ({ what, value, instead })),
    check: [...check],
  };
}

/** A stranger's words move no cursor. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is replaced
  return text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, '?');
}
