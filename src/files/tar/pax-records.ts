import type { PaxRecords } from './tar-header.js';

/**
 * The body of an extended header: a line `<length> <keyword>=<value>` for each record, where the length is that of the
 * whole line in bytes (POSIX, pax(1)).
 */
export function paxText(records: PaxRecords): Buffer {
  const lines = [...records].map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest);
    while (length !== Buffer.byteLength(rest) + String(length).length) {
      length = Buffer.byteLength(rest) + String(length).length;
    }
    return `${length}${rest}`;
  });
  return Buffer.from(lines.join(''));
}

/**
 * Reads one; the inverse of {@link paxText}.
 * @param fail is told what is wrong, and throws
 */
export function readPaxText(body: Buffer, fail: (problem: string) => never): PaxRecords {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const blank = body.indexOf(0x20, at);
    const digits = blank === -1 ? '' : body.toString('latin1', at, blank);
    const end = /^[1-9][0-9]{0,5}$/.test(digits) ? at + Number(digits) : Number.NaN;
    if (!(end <= body.length) || end <= blank + 1 || body[end - 1] !== 0x0a) fail(DAMAGED);
    const line = body.toString('utf8', blank + 1, end - 1);
    const equals = line.indexOf('=');
    if (equals < 1) fail(DAMAGED);
    const key = line.slice(0, equals);
    if (records.has(key)) fail(DAMAGED);
    records.set(key, line.slice(equals + 1));
    at = end;
  }
  return records;
}

const DAMAGED = 'an extended header of it is damaged';
