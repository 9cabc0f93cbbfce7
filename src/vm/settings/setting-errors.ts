import { MultipassError } from '../../errors.js';

/** Multipass's text for a key that there is not. */
export function unknownSetting(key: string): MultipassError {
  return new MultipassError('SETTING_UNKNOWN', `Unrecognized settings key: '${key}'`, {
    hint: 'See `multipass get --keys` for the keys there are.',
    details: { key },
  });
}

/** Multipass's text for a value that a setting cannot have. */
export function invalidSetting(key: string, value: string, problem: string): MultipassError {
  return new MultipassError('SETTING_INVALID', `Invalid setting '${key}=${value}': ${problem}`, {
    hint: `Give another value; \`multipass get ${key}\` prints the one that it has.`,
    details: { key, value },
  });
}
