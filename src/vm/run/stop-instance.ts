import { setTimeout as delay } from 'node:timers/promises';
import { MultipassError, hasCode } from '../../errors.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import { runStateOf, standstillOf } from '../../qemu/run-state.js';
import { Work, type WorkRequest } from '../../work.js';
import type { InstanceRequest } from '../instance-request.js';
import { ANY_STATE, AT_REST, lookAt, openInstance } from '../open.js';
import { isToBeRenewed, SUSPEND_TAG, type InstanceReading } from '../read-instance.js';
import { standsStill } from '../guest/standing-still.js';
import { prepareStore } from '../sweep.js';
import { dropMemory } from '../disks/drop-memory.js';
import { cutPower } from './cut-power.js';
import { tidyAfterRun, waitForEnd } from './end-of-run.js';
import { INTERRUPTED, letRun, listenForFarewell, openMonitor } from './monitor.js';
import { withDeadline, type DeadlineRequest } from './wait-for-guest.js';

/** How an instance is stopped. */
export interface StopOptions extends WorkRequest {
  /** True: the power is cut, and a suspended one loses its saved memory. */
  readonly force?: boolean | undefined;
  /** How long the guest may take to shut down, in milliseconds. Default 5 minutes, as in Multipass. */
  readonly timeoutMs?: number | undefined;
}

/** What is stopped, and how. */
export interface StopRequest extends InstanceRequest, StopOptions {}

/** A guest that is still booting does not hear the first press of its button. */
const PRESS_AGAIN_MS = 5000;

/**
 * Stops an instance: its guest is told to shut down, and waited for. One that is stopped already is no error.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED; INSTANCE_SUSPENDED without `force`; GUEST_SILENT when
 *   the guest does not shut down; ABORTED
 */
export async function stopInstance(request: StopRequest): Promise<void> {
  const { layout, name, force = false } = request;
  const reading = lookAt(layout, name, { for: 'stop', states: ANY_STATE, disk: 'any' });
  await prepareStore(layout, { exists: true });
  switch (reading.state) {
    case 'Suspended':
      if (!force) throw cannotShutDown(name);
      await dropSuspendedState(request, reading);
      return;
    case 'Running':
      await endRun(request);
      // Its guest had no identity of its own yet: it gets one when it boots.
      if (isToBeRenewed(reading.dir)) await dropSuspendedState(request);
      return;
    default:
      // Its QEMU ended without us.
      if (reading.uncleanEnd) await tidyAfterRun(layout, name, false);
  }
}

/**
 * Ends the QEMU of an instance, deleted or not: by its guest, or at once with `force`. Nothing happens when there is
 * none.
 * @throws as {@link stopInstance}
 */
export async function endRun(request: StopRequest): Promise<void> {
  const { layout, name, force = false } = request;
  const work = Work.of(request.work);
  const { signal } = work;
  const dir = layout.instance(name);
  work.begin('stopping', name);
  let isClean = false;
  try {
    if (force) {
      isClean = await cutPower(dir, work);
    } else {
      await using client = await openMonitor(dir, signal);
      isClean = await shutDown({ ...request, work }, client);
    }
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_RUNNING')) throw error;
  }
  await waitForEnd(dir, signal);
  await tidyAfterRun(layout, name, isClean);
}

/** @returns whether QEMU has said farewell */
async function shutDown(request: DeadlineRequest, client: QmpClient): Promise<boolean> {
  const hasSaidFarewell = listenForFarewell(client);
  const why = await standstillOf(client);
  if (why !== null) throw standsStill(request.layout.instance(request.name), why);
  if (INTERRUPTED.has(await runStateOf(client)))
    await letRun(request.layout.instance(request.name), client);
  await withDeadline(request, async ({ signal: deadline }) => {
    const pressing = pressUntilEnd(client, deadline);
    const aborted = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new MultipassError('ABORTED', 'interrupted'));
      deadline.addEventListener('abort', fail, { once: true });
    });
    await Promise.race([pressing, aborted]);
  }).catch((error: unknown) => {
    if (!hasCode(error, 'TIMED_OUT')) throw error;
    throw doesNotShutDown(request.name, error);
  });
  return hasSaidFarewell();
}

async function pressUntilEnd(client: QmpClient, deadline: AbortSignal): Promise<void> {
  while (!client.hasEnded() && !deadline.aborted) {
    try {
      await client.execute('system_powerdown');
    } catch (error) {
      if (!client.hasEnded()) throw error;
    }
    await Promise.race([client.closed, delay(PRESS_AGAIN_MS, undefined, { ref: false })]);
  }
}

async function dropSuspendedState(request: StopRequest, seen?: InstanceReading): Promise<void> {
  const { layout, name } = request;
  const work = Work.of(request.work);
  const states = { for: 'stop', states: AT_REST, copy: 'allowed' } as const;
  await using opened = await openInstance(layout, name, { ...states, seen, work });
  await dropMemory(opened.reading.dir);
  if (!hasSnapshotNamed(opened.reading.disk, SUSPEND_TAG)) return;
  const step = { operation: 'delete-snapshot', tag: SUSPEND_TAG } as const;
  await opened.perform({ step, spec: null, snapshots: new Map() }, work);
}

function cannotShutDown(name: string): MultipassError {
  return new MultipassError('INSTANCE_SUSPENDED', `Cannot shut down suspended instance ${name}.`, {
    hint: `Power it off with force (\`multipass stop --force ${name}\`).`,
    details: { name, lines: ['Use --force to power it off.'] },
  });
}

function doesNotShutDown(name: string, cause: MultipassError): MultipassError {
  return new MultipassError('GUEST_SILENT', `timed out waiting for "${name}" to shut down`, {
    hint: `Power it off with force (\`multipass stop --force ${name}\`).`,
    details: { ...cause.details },
    cause,
  });
}
