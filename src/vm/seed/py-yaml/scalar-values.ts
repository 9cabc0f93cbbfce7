/*
 * Which texts Python makes a value of, by the rules of PyYAML's constructors: what they throw, nobody catches before
 * all of a cloud-config is lost.
 */

/** What Python's `strip` takes off. */
const SPACE =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*';
const BOOLEAN = /^(?:yes|no|true|false|on|off)$/;
const FLOAT = new RegExp(
  `^${SPACE}[-+]?(?:(?:\\p{Nd}+\\.?\\p{Nd}*|\\.\\p{Nd}+)(?:e[-+]?\\p{Nd}+)?|inf|infinity|nan)${SPACE}$`,
  'u',
);
const INTEGERS: Readonly<Record<2 | 8 | 10 | 16, RegExp>> = {
  2: new RegExp(`^${SPACE}[-+]?(?:0b)?[01]+${SPACE}$`, 'i'),
  8: new RegExp(`^${SPACE}[-+]?(?:0o)?[0-7]+${SPACE}$`, 'i'),
  10: new RegExp(`^${SPACE}[-+]?\\p{Nd}+${SPACE}$`, 'u'),
  16: new RegExp(`^${SPACE}[-+]?(?:0x)?[0-9a-f]+${SPACE}$`, 'i'),
};
/** Digits that Python makes an integer of: its guard against slow numbers. */
const MOST_DIGITS = 4300;
const TIMESTAMP = new RegExp(
  '^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})' +
    String.raw`(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]*)?` +
    String.raw`(?:[ \t]*(?:Z|[-+]([0-9]{1,2})(?::([0-9]{2}))?))?)?\n?$`,
);

/** Whether there is such a value, by the name of the tag. Names that are not here take any text. */
export const IS_VALUE: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['bool', (text: string) => BOOLEAN.test(text.toLowerCase())],
  ['int', isInteger],
  ['float', isFloat],
  ['timestamp', isTimestamp],
  ['binary', isBase64],
]);

function isInteger(given: string): boolean {
  const text = withoutSign(given.replaceAll('_', ''));
  if (text === '0') return true;
  if (text.startsWith('0b')) return isPythonInteger(text.slice(2), 2);
  if (text.startsWith('0x')) return isPythonInteger(text.slice(2), 16);
  if (text.startsWith('0')) return isPythonInteger(text, 8);
  return text.split(':').every((part) => isPythonInteger(part, 10));
}

function isPythonInteger(text: string, base: 2 | 8 | 10 | 16): boolean {
  if (!INTEGERS[base].test(text)) return false;
  return base !== 10 || (text.match(/\p{Nd}/gu) ?? []).length <= MOST_DIGITS;
}

function isFloat(given: string): boolean {
  const text = withoutSign(given.replaceAll('_', '').toLowerCase());
  if (text === '.inf' || text === '.nan') return true;
  return text.split(':').every((part) => FLOAT.test(part));
}

function withoutSign(text: string): string {
  return text.replace(/^[-+]/, '');
}

function isTimestamp(text: string): boolean {
  const parts = TIMESTAMP.exec(text)
    ?.slice(1)
    .map((part) => Number(part || 0));
  if (parts === undefined) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ...zone] = parts;
  const [zoneHour = 0, zoneMinute = 0] = zone;
  return (
    year >= 1 &&
    isWithin(month, 1, 12) &&
    isWithin(day, 1, daysOf(year, month)) &&
    isWithin(hour, 0, 23) &&
    isWithin(minute, 0, 59) &&
    isWithin(second, 0, 59) &&
    zoneHour * 60 + zoneMinute < 24 * 60
  );
}

function isWithin(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return isLeap ? 29 : 28;
}

/** As Python's lenient reader has it: other characters are passed over, and what follows the padding. */
function isBase64(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- ASCII begins there
  if (/[^\x00-\x7f]/.test(text)) return false;
  let [digits, pads] = [0, 0];
  for (const character of text) {
    if (character === '=') {
      pads += digits % 4 >= 2 ? 1 : 0;
      if (digits % 4 >= 2 && (digits % 4) + pads >= 4) return true;
    } else if (/[A-Za-z0-9+/]/.test(character)) {
      digits += 1;
      pads = 0;
    }
  }
  return digits % 4 === 0;
}
