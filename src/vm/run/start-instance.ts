import { MultipassError, hasCode } from '../../errors.js';
import { runStateOf } from '../../qemu/run-state.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceNotRunning } from '../errors.js';
import { runInGuest, type Guest } from '../guest/ssh.js';
import type { InstanceRequest } from '../instance-request.js';
import { activateMounts } from '../mounts/activate-mounts.js';
import { isToBeRenewed, type InstanceReading } from '../read-instance.js';
import { readSettings, type Environment } from '../settings/settings.js';
import { Work, type WorkRequest } from '../../work.js';
import { ANY_STATE, AT_REST, lookAt, openInstance } from '../open.js';
import { prepareStore } from '../sweep.js';
import { bootInstance } from './boot.js';
import { bootRenewed } from './boot-renewed.js';
import { MachineNetwork } from '../network/machine-network.js';
import { kindOfCards } from '../network/network-kind.js';
import { readMachine } from '../records/machine-record.js';
import { readMemory } from '../records/memory-record.js';
import { endLeft } from './end-left.js';
import { endUnrenewed } from './end-unrenewed.js';
import { INTERRUPTED, letRun, openMonitor } from './monitor.js';
import { applyForwards } from '../forwards/apply-forwards.js';
import { hasGone } from './require-startable.js';
import { waitForGuest } from './wait-for-guest.js';

/** How an instance is started. */
export interface StartOptions extends WorkRequest {
  /** How long the guest may take to let us in, in milliseconds. Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
}

/** What is started. */
export interface StartInstanceRequest extends InstanceRequest, StartOptions {
  /** Variables that settings may come from. Default: this process's own. */
  readonly env?: Environment | undefined;
}

/** A machine that runs. */
export interface StartedMachine {
  readonly how: 'booted' | 'resumed' | 'renewed' | 'running';
  readonly reading: InstanceReading;
  /** How it is entered, where it has let us in already. */
  readonly entered?: Guest;
}

/**
 * Starts an instance, or resumes it when it is suspended, waits until it can be entered, and mounts its mounts: one
 * that cannot be is a warning. One that runs already is no error. When the guest does not answer in time the instance
 * goes on running: only {@link launchInstance} removes.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, TIMED_OUT; as {@link bootInstance}; ABORTED
 */
export async function startInstance(request: StartInstanceRequest): Promise<Guest> {
  const { layout, timeoutMs } = request;
  const work = Work.of(request.work);
  const started = await startMachine({ ...request, work });
  return await enterStarted({ layout, started, timeoutMs, work });
}

/** Which machine has been started. */
export interface EnterRequest extends Pick<StartOptions, 'timeoutMs'> {
  readonly layout: StoreLayout;
  readonly started: StartedMachine;
  readonly work: Work;
}

/**
 * The second half of {@link startInstance}: waits until the guest can be entered, sets its clock if it has stood still,
 * and mounts its mounts.
 * @throws MultipassError TIMED_OUT, SSH_FAILED, …, ABORTED
 */
export async function enterStarted({
  layout,
  started: { how, reading, entered },
  timeoutMs,
  work,
}: EnterRequest): Promise<Guest> {
  const guest = entered ?? (await waitForGuest({ layout, reading, timeoutMs, work }));
  if (how === 'resumed') await setClock(guest, work.signal);
  await activateMounts({ guest, reading, work });
  return guest;
}

/** How often a start that another command was at is begun anew when that one has failed, or tries again itself. */
const MOST_TRIES = 10;

/** The first half of {@link startInstance}: QEMU runs the guest when this resolves. */
export async function startMachine(request: StartInstanceRequest): Promise<StartedMachine> {
  for (let tries = 1; ; tries += 1) {
    try {
      const started = await startOrGoOn(request);
      const { layout } = request;
      await applyForwards({ layout, reading: started.reading, work: Work.of(request.work) });
      return started;
    } catch (error) {
      // It ran a moment ago: a QEMU that finds its port taken ends, and is started again by who started it.
      if (!hasCode(error, 'INSTANCE_NOT_RUNNING') || tries === MOST_TRIES) throw error;
    }
  }
}

async function startOrGoOn(request: StartInstanceRequest): Promise<StartedMachine> {
  const { layout, name, env = process.env } = request;
  const work = Work.of(request.work);
  const states = { for: 'start', states: ANY_STATE, refuseDeleted: cannotStartDeleted } as const;
  const seen = lookAt(layout, name, states);
  work.begin('starting', name);
  const settings = readSettings(layout, env);
  const options = { work, hostLoopback: settings.hostLoopback === 'true' };
  if (seen.state === 'Running') {
    await prepareStore(layout, { exists: true });
    return await goOn(layout, seen, options);
  }
  try {
    await using opened = await openInstance(layout, name, {
      ...states,
      states: AT_REST,
      seen,
      work,
    });
    opened.assertHeld();
    const { reading } = opened;
    const renewal = readMemory(reading.dir);
    if (renewal !== undefined) {
      const { timeoutMs } = request;
      const entered = await bootRenewed({ opened, settings, renewal, timeoutMs, work });
      return { how: 'renewed', reading, entered };
    }
    return { how: await bootInstance({ opened, settings, work }), reading };
  } catch (error) {
    // Another command was faster.
    if (!hasCode(error, 'INSTANCE_NOT_STOPPED')) throw error;
    return await goOn(layout, lookAt(layout, name, { ...states, states: ['Running'] }), options);
  }
}

const STANDS_STILL = new Set([...INTERRUPTED, 'io-error']);

/** A guest that stands still, for want of space or because a command was killed before its end, runs on. */
async function goOn(
  layout: StoreLayout,
  reading: InstanceReading,
  { work, hostLoopback }: { readonly work: Work; readonly hostLoopback: boolean },
): Promise<StartedMachine> {
  const { dir, name } = reading;
  const { signal } = work;
  // Another command is giving it an identity: once it has one, all is well.
  if (isToBeRenewed(dir) && (await endUnrenewed(layout, name, work))) {
    throw instanceNotRunning(name);
  }
  await endLeft(dir, work);
  await using client = await openMonitor(dir, signal);
  if (STANDS_STILL.has(await runStateOf(client))) {
    const cards = readMachine(dir)?.machine.cards ?? [];
    const kind = kindOfCards(cards);
    await using network = await MachineNetwork.open(layout, kind, { hostLoopback, signal });
    await network.plug(cards, signal);
    await letRun(dir, client);
  }
  return { how: 'running', reading };
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
  return new MultipassError('INSTANCE_DELETED', hasGone(name), {
    hint: `Bring it back with \`multipass recover ${name}\`.`,
    details: { name },
  });
}
