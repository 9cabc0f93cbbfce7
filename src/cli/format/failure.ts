import { MultipassError } from '../../index.js';
import { formatJson } from './json.js';
import type { PlainData } from './plain-data.js';

/**
 * A failure as JSON, beside what was done before it: `error` with `code`, `message`, `hint` (null for none) and
 * `details`; that of several failures has them as `details.errors`.
 * @param hintOf what to do about one
 */
export function formatFailure(
  done: Readonly<Record<string, PlainData>>,
  error: unknown,
  hintOf: (error: MultipassError) => string | undefined,
): string {
  return formatJson({ ...done, error: failureJson(error, hintOf) });
}

function failureJson(
  error: unknown,
  hintOf: (error: MultipassError) => string | undefined,
): PlainData {
  if (!(error instanceof MultipassError)) {
    return { code: 'BUG', message: String(error), hint: null, details: {} };
  }
  const { code, message, details, cause } = error;
  const several =
    code === 'SEVERAL' && cause instanceof AggregateError
      ? { errors: cause.errors.map((one) => failureJson(one, hintOf)) }
      : {};
  // Details are of any form; what JSON cannot say is left out.
  const plain = JSON.parse(JSON.stringify(details)) as Record<string, PlainData>;
  return { code, message, hint: hintOf(error) ?? null, details: { ...plain, ...several } };
}
