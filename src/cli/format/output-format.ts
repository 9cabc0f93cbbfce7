import { guess } from '../../command-line.js';
import { MultipassError } from '../../index.js';

const OUTPUT_FORMATS = ['table', 'json', 'csv', 'yaml'] as const;
const REPORT_FORMATS = ['table', 'json', 'yaml'] as const;
const RESULT_FORMATS = ['table', 'json'] as const;

/** What `--format` may name. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What `--format` may name where the result is a report, which is no table of equals. */
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** What `--format` may name where the result is a text or JSON. */
export type ResultFormat = (typeof RESULT_FORMATS)[number];

/**
 * Reads the value of `--format`.
 * @throws MultipassError USAGE with Multipass's text
 */
export function parseOutputFormat(text: string): OutputFormat {
  return oneOf(OUTPUT_FORMATS, text);
}

/**
 * Reads the value of `--format` where the result is a text or JSON.
 * @throws MultipassError USAGE with Multipass's text
 */
export function parseResultFormat(text: string): ResultFormat {
  return oneOf(RESULT_FORMATS, text);
}

/**
 * Reads the value of `--format` where the result is a report.
 * @throws MultipassError USAGE with Multipass's text
 */
export function parseReportFormat(text: string): ReportFormat {
  return oneOf(REPORT_FORMATS, text);
}

function oneOf<Format extends string>(formats: readonly Format[], text: string): Format {
  const format = formats.find((known) => known === text);
  if (format !== undefined) return format;
  throw new MultipassError('USAGE', 'Invalid format type given.', {
    hint: guess(text, formats, `Use one of ${formats.join(', ')}.`),
  });
}
