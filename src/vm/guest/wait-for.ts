import { MultipassError, hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work, type WorkRequest } from '../../work.js';
import { lookAt } from '../open.js';
import { consoleTail } from './console.js';
import { execInGuest } from './exec-in-guest.js';

/** What is waited for in a guest. */
export type WaitCondition =
  | {
      /** Something listens on this TCP port, of any of the guest's addresses. */
      readonly port: number;
    }
  | {
      /** A program succeeds: it is run again and again until its exit code is 0. */
      readonly command: readonly string[];
    }
  | {
      /** There is such a file, folder or socket. */
      readonly file: string;
    }
  | {
      /** The end of the guest's console, of about 8 KiB, matches. */
      readonly log: RegExp;
    };

/** For how long something is waited for. */
export interface WaitOptions extends WorkRequest {
  /** In milliseconds. Default: a minute. */
  readonly timeoutMs?: number | undefined;
}

/** What is waited for in which instance. */
export interface WaitRequest extends WaitOptions {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly condition: WaitCondition;
}

const MINUTE_MS = 60_000;
const PAUSE_MS = 250;

/**
 * Waits until something is so in a running instance.
 * @throws MultipassError TIMED_OUT, with what was seen at last and the end of the guest's console; INSTANCE_NOT_RUNNING
 *   as soon as it runs no more; INVALID_ARGUMENT, HOST_KEY_CHANGED, ABORTED
 */
export async function waitForGuestTo(request: WaitRequest): Promise<void> {
  const { layout, name, condition, timeoutMs = MINUTE_MS } = request;
  const work = Work.of(request.work);
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = work.signal === undefined ? deadline : AbortSignal.any([work.signal, deadline]);
  const look = lookFor(condition);
  let seen = 'nothing yet';
  try {
    for (;;) {
      lookAt(layout, name, { for: 'exec', states: ['Running', 'Starting'], disk: 'any' });
      const found = await tryToLook(() => look({ layout, name, signal }));
      if (found === null) return;
      seen = found;
      await work.under(signal).sleep(PAUSE_MS);
    }
  } catch (error) {
    work.throwIfAborted();
    if (!deadline.aborted) throw error;
    throw timedOut(request, { timeoutMs, seen });
  }
}

interface Place {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly signal: AbortSignal;
}

/** Null: it is so; else what was seen instead. */
type Look = (place: Place) => Promise<string | null>;

function lookFor(condition: WaitCondition): Look {
  if ('port' in condition) return lookForPort(condition.port);
  if ('file' in condition) {
    const argv = ['test', '-e', condition.file];
    return async (place) =>
      (await succeeds(place, argv)) === null ? null : `"${condition.file}" is not there`;
  }
  if ('command' in condition) return (place) => succeeds(place, condition.command);
  const { log } = condition as { readonly log?: unknown };
  if (!(log instanceof RegExp)) {
    throw new MultipassError('INVALID_ARGUMENT', 'there is nothing to wait for', {
      hint: 'Name a port, a command, a file, or a regular expression that its log is to match.',
    });
  }
  // One that remembers where it was would miss every other time.
  const pattern = new RegExp(log.source, log.flags.replace(/[gy]/g, ''));
  return ({ layout, name }) => {
    const isThere = pattern.test(consoleTail(layout.instance(name)));
    return Promise.resolve(isThere ? null : 'the end of its console does not match');
  };
}

async function succeeds(place: Place, argv: readonly string[]): Promise<string | null> {
  const { signal } = place;
  const { exitCode, stdout, stderr } = await execInGuest({ ...place, argv, work: { signal } });
  if (exitCode === 0) return null;
  const said = `${stdout.toString()}${stderr.toString()}`.trim().split('\n').slice(-5).join('\n');
  return `${JSON.stringify(argv)} ended with ${exitCode}${said === '' ? '' : `:\n${said}`}`;
}

/** The kernel's own tables, for which a guest needs no program but cat. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const LISTENS = '0A';

function lookForPort(port: number): Look {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new MultipassError('INVALID_ARGUMENT', `${port} is no TCP port`, {
      hint: 'Ports are whole numbers from 1 to 65535.',
      details: { port },
    });
  }
  return async (place) => {
    const work = { signal: place.signal };
    // A guest without IPv6 has one of them.
    const { stdout } = await execInGuest({ ...place, argv: ['cat', ...TABLES], work });
    const ports = listeningPorts(stdout.toString('latin1'));
    if (ports.includes(port)) return null;
    return `nothing listens on port ${port}; on others: ${ports.join(', ') || 'nothing'}`;
  };
}

/**
 * The ports that a table of the kernel has in the state LISTEN, in order.
 * @internal for its tests
 */
export function listeningPorts(table: string): number[] {
  const ports = table.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const hex = /:([0-9A-F]{4})$/.exec(local)?.[1];
    return state === LISTENS && hex !== undefined ? [parseInt(hex, 16)] : [];
  });
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** A guest that cannot be entered now may let us in later. */
async function tryToLook(look: () => Promise<string | null>): Promise<string | null> {
  try {
    return await look();
  } catch (error) {
    if (hasCode(error, 'SSH_FAILED', 'GUEST_SILENT', 'COMMAND_NOT_RUN')) return error.message;
    throw error;
  }
}

function timedOut(
  { layout, name, condition }: WaitRequest,
  { timeoutMs, seen }: { timeoutMs: number; seen: string },
): MultipassError {
  const [kind = ''] = Object.keys(condition);
  const console = consoleTail(layout.instance(name));
  return new MultipassError(
    'TIMED_OUT',
    `waited ${timeoutMs} ms for a ${kind} in "${name}" in vain: ${seen}`,
    {
      hint: 'Give it more time, or look into the instance; the end of its console is in `details`.',
      details: { name, seen, console },
    },
  );
}
