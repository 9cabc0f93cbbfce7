import { MultipassError, hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { runInGuest, type Guest } from '../guest/ssh.js';
import { activateMounts } from '../mounts/activate-mounts.js';
import { readInstance } from '../read-instance.js';
import { readSettings, type Environment } from '../settings/settings.js';
import { openForChange, type WorkOptions } from '../open.js';
import { prepareStore } from '../sweep.js';
import { bootInstance } from './boot.js';
import { plugCards } from '../network/instance-bridge.js';
import { readMachine } from '../records/machine-record.js';
import { INTERRUPTED, letRun, openMonitor, runStateOf } from './monitor.js';
import { waitForGuest } from './wait-for-guest.js';

/** What is started. */
export interface StartInstanceRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly name: string;
  /** Variables that settings may come from. Default: this process's own. */
  readonly env?: Environment | undefined;
  /** How long the guest may take to let us in, in milliseconds. Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/**
 * Starts an instance, or resumes it when it is suspended, waits until it can be entered, and mounts its mounts: one that
 * cannot be is a warning. One that runs already is no error. When the guest does not answer in time the instance goes on running: only {@link launchInstance} removes.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, TIMED_OUT; as {@link bootInstance}; ABORTED
 */
export async function startInstance(request: StartInstanceRequest): Promise<Guest> {
  const how = await startMachine(request);
  const guest = await waitForGuest(request);
  if (how === 'resumed') await setClock(guest, request.signal);
  await activateMounts({ ...request, guest });
  return guest;
}

/** The first half of {@link startInstance}: QEMU runs the guest when this resolves. */
export async function startMachine(
  request: StartInstanceRequest,
): Promise<'booted' | 'resumed' | 'running'> {
  const { layout, name, env = process.env, signal, onWarning } = request;
  await prepareStore(layout);
  const seen = readInstance(layout, name);
  if (seen.state === 'Deleted') throw cannotStartDeleted(name);
  if (seen.state === 'Running') return await goOn(request);
  const settings = readSettings(layout, env);
  let opened;
  try {
    opened = await openForChange(layout, name, 'start', request);
  } catch (error) {
    // Another command was faster.
    if (hasCode(error, 'INSTANCE_NOT_STOPPED')) {
      return await goOn(request);
    }
    throw error;
  }
  await using lock = opened.lock;
  lock.assertHeld();
  if (opened.reading.state === 'Deleted') throw cannotStartDeleted(name);
  return await bootInstance({ layout, opened, settings, signal, onWarning });
}

const STANDS_STILL = new Set([...INTERRUPTED, 'io-error']);

/** A guest that stands still, for want of space or because a command was killed before its end, runs on. */
async function goOn({ layout, name, signal }: StartInstanceRequest): Promise<'running'> {
  const dir = layout.instance(name);
  await using client = await openMonitor(dir, signal);
  if (!STANDS_STILL.has(await runStateOf(client))) return 'running';
  await plugCards(layout, readMachine(dir)?.machine.cards ?? [], signal);
  await letRun(client);
  return 'running';
}

/** The clock of a resumed guest stood still; not every guest lets us set it. */
async function setClock(guest: Guest, signal: AbortSignal | undefined): Promise<void> {
  const seconds = Math.floor(Date.now() / 1000);
  await runInGuest(guest, `sudo -n date -s @${seconds} >/dev/null`, {
    signal,
    okExitCodes: [0, 1, 2, 126, 127],
  });
}

function cannotStartDeleted(name: string): MultipassError {
  return new MultipassError(
    'INSTANCE_DELETED',
    `Instance '${name}' is deleted. Use 'recover' to recover it or 'purge' to permanently delete it.`,
    { details: { name } },
  );
}
