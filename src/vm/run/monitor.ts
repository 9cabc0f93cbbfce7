import { sleep } from '../../abort.js';
import { errnoOf, MultipassError } from '../../errors.js';
import { activeHead } from '../../qemu/active-head.js';
import { RUN_SOCKETS } from '../../qemu/machine.js';
import { QemuHungUp, QmpClient } from '../../qemu/qmp-client.js';
import { runJob } from '../../qemu/qmp-jobs.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { instanceNotRunning } from '../errors.js';
import { isRunning, SUSPEND_TAG } from '../read-instance.js';

/**
 * A QEMU that begins does not listen yet, one that ends no more, and before one that is busy there is a queue, which
 * ends with it.
 */
const NOT_NOW = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EAGAIN']);
const POLL_MS = 50;
const PATIENCE_MS = 60_000;

/**
 * Talks to the QEMU that runs an instance: one command at a time may, the others wait.
 * @throws MultipassError INSTANCE_NOT_RUNNING when there is none (any more); QMP_FAILED when it lives and nobody gets
 *   through to it for a minute; ABORTED
 */
export async function openMonitor(dir: InstanceDir, signal?: AbortSignal): Promise<QmpClient> {
  const start = Date.now();
  for (;;) {
    try {
      return await QmpClient.connect(dir.run, RUN_SOCKETS.qmp, signal);
    } catch (error) {
      if (!NOT_NOW.has(errnoOf(error) ?? '') && !(error instanceof QemuHungUp)) throw error;
      if (!isRunning(dir)) throw instanceNotRunning(dir.name);
      if (Date.now() - start > PATIENCE_MS) throw doesNotListen(dir.name, error);
    }
    await sleep(POLL_MS, signal);
  }
}

/** States of a guest that stands still because a command was killed before its end. */
export const INTERRUPTED: ReadonlySet<string> = new Set(['prelaunch', 'paused']);

/**
 * Listens for QEMU's farewell, by which a clean end is told from a crash.
 * @returns whether it has been heard so far
 */
export function listenForFarewell(client: QmpClient): () => boolean {
  let heard = false;
  client.onEvent(({ event }) => {
    if (event === 'SHUTDOWN') heard = true;
  });
  return () => heard;
}

/**
 * Lets a guest run on that stands still: because a `suspend` was interrupted, or because there was no space left.
 * Saved memory goes first, for the guest is about to outlive it.
 * @throws MultipassError QMP_FAILED
 */
export async function letRun(client: QmpClient): Promise<void> {
  const { tags } = await activeHead(client);
  if (tags.includes(SUSPEND_TAG)) await dropSavedState(client);
  await client.execute('cont');
}

/** Deletes the saved memory of a machine that does not run. */
export async function dropSavedState(client: QmpClient): Promise<void> {
  const { node } = await activeHead(client);
  await runJob(client, 'snapshot-delete', { tag: SUSPEND_TAG, devices: [node] });
}

function doesNotListen(name: string, cause: unknown): MultipassError {
  return new MultipassError('QMP_FAILED', `the QEMU of "${name}" does not take any commands`, {
    hint: `Power it off with force (\`multipass stop --force ${name}\`).`,
    details: { name },
    cause,
  });
}
