import { MultipassError } from '../../errors.js';

const OUTPUT_FORMATS = ['table', 'json', 'csv', 'yaml'] as const;

/** What `--format` may name. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/**
 * Reads the value of `--format`.
 * @throws MultipassError USAGE with Multipass's text
 */
export function parseOutputFormat(text: string): OutputFormat {
  const format = OUTPUT_FORMATS.find((known) => known === text);
  if (format !== undefined) return format;
  throw new MultipassError('USAGE', 'Invalid format type given.', {
    hint: `Use one of ${OUTPUT_FORMATS.join(', ')}.`,
  });
}
