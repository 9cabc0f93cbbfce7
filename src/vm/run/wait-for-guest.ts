import { writeFile } from 'node:fs/promises';
import { MultipassError, hasCode } from '../../errors.js';
import { log } from '../../log.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { consoleTail } from '../guest/console.js';
import { guestOf } from '../guest/open-guest.js';
import { waitForSsh, type Guest } from '../guest/ssh.js';
import { lookForStandstill } from '../guest/standing-still.js';
import type { Work } from '../../work.js';
import { isRunning, type InstanceReading } from '../read-instance.js';
import { acceleratorOf } from '../records/machine-record.js';

/** How long a guest may take to let us in, unless the user says otherwise. As in Multipass. */
const DEFAULT_TIMEOUT_MS = 300_000;

/** How long something may take. */
export interface DeadlineRequest {
  readonly layout: StoreLayout;
  readonly name: string;
  /** Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
  readonly work: Work;
}

/** Which guest is waited for. */
export interface WaitRequest extends Omit<DeadlineRequest, 'name'> {
  /** The running instance. */
  readonly reading: InstanceReading;
}

/** How often QEMU is asked whether the guest stands still. */
const LOOK_MS = 3000;
/** How often the end of the console is told of while a guest is waited for. */
const NOTE_MS = 1000;

/**
 * Waits until a running instance can be entered by ssh, and tells meanwhile what its guest writes to its console.
 * @throws MultipassError TIMED_OUT, with a hint when the guest has been silent; QEMU_FAILED when it ended meanwhile,
 *   with the end of its console; DISK_FULL, IO_ERROR when it stands still; HOST_KEY_CHANGED,
 *   SSH_FAILED (no key), ABORTED
 */
export async function waitForGuest(request: WaitRequest): Promise<Guest> {
  const { layout, reading, work } = request;
  const { name, dir } = reading;
  let noted = 0;
  let looked = Date.now();
  const requireMoving = async (): Promise<void> => {
    if (Date.now() - looked < LOOK_MS) return;
    looked = Date.now();
    const standstill = await lookForStandstill(dir, work.signal);
    if (standstill !== null) throw standstill;
  };
  const entered = await withDeadline({ ...request, name }, async (deadline) => {
    const guest = async (): Promise<Guest | undefined> => {
      await requireMoving();
      return await guestOf(layout, reading);
    };
    return await waitForSsh(guest, {
      signal: deadline.signal,
      requireAlive: () => {
        if (!isRunning(dir)) throw endedMeanwhile({ layout, name });
        if (Date.now() - noted < NOTE_MS) return;
        noted = Date.now();
        const line = lastLine(consoleTail(dir));
        if (line !== '') work.note(line);
      },
    });
  }).catch((error: unknown) => {
    work.throwIfAborted();
    throw error;
  });
  await noteAnswer(dir);
  return entered;
}

/** From now on the instance counts as running; where that cannot be noted, as starting. */
export async function noteAnswer(dir: InstanceDir): Promise<void> {
  await writeFile(dir.answered, '', { mode: 0o600 }).catch((error: unknown) =>
    log('warning', 'guest', `cannot note that "${dir.name}" has answered: ${String(error)}`),
  );
}

/**
 * Does work that must be over when the time-out has passed.
 * @param task gets the same work, under a signal that fires by then as well
 * @throws MultipassError TIMED_OUT; ABORTED; what the task throws
 */
export async function withDeadline<T>(
  request: DeadlineRequest,
  task: (work: Work & { readonly signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const { work, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = work.signal === undefined ? timeout : AbortSignal.any([work.signal, timeout]);
  try {
    return await task(work.under(signal) as Work & { readonly signal: AbortSignal });
  } catch (error) {
    work.throwIfAborted();
    if (hasCode(error, 'ABORTED') && timeout.aborted) throw timedOut(request);
    throw error;
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

function timedOut({
  layout,
  name,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: DeadlineRequest): MultipassError {
  const dir = layout.instance(name);
  const tail = consoleTail(dir);
  const seconds = Math.round(timeoutMs / 1000);
  return new MultipassError(
    'TIMED_OUT',
    `timed out waiting for response of "${name}" after ${seconds} s`,
    {
      hint:
        tail === ''
          ? `The guest has written nothing to its console: ${wayOutOfSilence(dir)}`
          : 'Look at the end of its console below; give it more time (`--timeout`).',
      details: { name, console: tail },
    },
  );
}

/** What is so already is no advice. */
function wayOutOfSilence(dir: InstanceDir): string {
  return acceleratorOf(dir) === 'kvm'
    ? "it may be this host's KVM that fails: try `multipass set local.accelerator=tcg`."
    : 'give it more time (`--timeout`), and see that its image is one for machines like this host.';
}

function endedMeanwhile({
  layout,
  name,
}: Pick<DeadlineRequest, 'layout' | 'name'>): MultipassError {
  return new MultipassError('QEMU_FAILED', `Instance shutdown during start of "${name}"`, {
    hint: 'Look at the end of its console, then start it again: it shut itself down, or its QEMU was killed.',
    details: { name, console: consoleTail(layout.instance(name)) },
  });
}
