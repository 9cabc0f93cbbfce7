import {
  hasCode,
  numberedForward,
  parseForward as parse,
  parseForwardedPort as parsePort,
} from '../command-line.js';
import type { ForwardChoice, ForwardedPort } from '../index.js';
import { usageError } from './failures.js';

/** Reads a forward, `[ADDRESS:]HOST:GUEST[/udp]`. @throws MultipassError USAGE */
export function parseForward(text: string): ForwardChoice {
  return asUsage(() => {
    const { address, hostPort: host, guestPort: guest, protocol } = parse(text);
    return { address, host, guest, protocol };
  });
}

/** Reads a forward that there is: `[ADDRESS:]HOST[:GUEST][/udp]`. @throws MultipassError USAGE */
export function parseForwardedPort(text: string): ForwardedPort {
  return asUsage(() => parsePort(text));
}

/** Looks at a forward in which `{n}` may be the number of an instance. @throws MultipassError USAGE */
export function parseForwardPattern(text: string): string {
  return asUsage(() => {
    numberedForward(text, 1);
    return text;
  });
}

function asUsage<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!hasCode(error, 'INVALID_ARGUMENT')) throw error;
    throw usageError(error.message, error.hint);
  }
}
