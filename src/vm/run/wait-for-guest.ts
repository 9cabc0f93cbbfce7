import { throwIfAborted } from '../../abort.js';
import { MultipassError, hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { boundConsole, consoleTail } from '../guest/console.js';
import { guestOf } from '../guest/open-guest.js';
import { waitForSsh, type Guest } from '../guest/ssh.js';
import { isRunning, readInstance } from '../read-instance.js';

/** How long a guest may take to let us in, unless the user says otherwise. As in Multipass. */
const DEFAULT_TIMEOUT_MS = 300_000;

/** Which guest is waited for. */
export interface WaitRequest {
  readonly layout: StoreLayout;
  readonly name: string;
  /** Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until a running instance can be entered by ssh.
 * @throws MultipassError TIMED_OUT, with a hint when the guest has been silent; QEMU_FAILED when it ended meanwhile, with
 *   the end of its console; HOST_KEY_CHANGED, SSH_FAILED (no key), ABORTED
 */
export async function waitForGuest(request: WaitRequest): Promise<Guest> {
  const { layout, name, signal } = request;
  const reading = readInstance(layout, name);
  return await withDeadline(request, async (deadline) => {
    const guest = async (): Promise<Guest | undefined> => {
      await boundConsole(reading.dir);
      return await guestOf(layout, reading);
    };
    return await waitForSsh(guest, {
      signal: deadline,
      requireAlive: () => {
        if (!isRunning(reading.dir)) throw endedMeanwhile(request);
      },
    });
  }).catch((error: unknown) => {
    throwIfAborted(signal);
    throw error;
  });
}

/**
 * Does work that must be over when the time-out has passed.
 * @throws MultipassError TIMED_OUT; ABORTED; what the work throws
 */
export async function withDeadline<T>(
  request: WaitRequest,
  work: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await work(signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
  } catch (error) {
    throwIfAborted(signal);
    const isLate = hasCode(error, 'ABORTED');
    if (isLate && timeout.aborted) throw timedOut(request);
    throw error;
  }
}

function timedOut({ layout, name, timeoutMs = DEFAULT_TIMEOUT_MS }: WaitRequest): MultipassError {
  const tail = consoleTail(layout.instance(name));
  const seconds = Math.round(timeoutMs / 1000);
  return new MultipassError(
    'TIMED_OUT',
    `timed out waiting for response of "${name}" after ${seconds} s`,
    {
      hint:
        tail === ''
          ? 'The guest has written nothing to its console: if this host has KVM, try `multipass set local.accelerator=tcg`.'
          : 'Look at the end of its console below; give it more time with --timeout.',
      details: { name, console: tail },
    },
  );
}

function endedMeanwhile({ layout, name }: WaitRequest): MultipassError {
  return new MultipassError('QEMU_FAILED', `Instance shutdown during start of "${name}"`, {
    hint: 'It shut itself down, or its QEMU was killed.',
    details: { name, console: consoleTail(layout.instance(name)) },
  });
}
