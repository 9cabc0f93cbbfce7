import { lstatSync } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { readRecordIfAny } from '../../files/record.js';
import { syncPath } from '../../files/sync.js';
import { log } from '../../log.js';
import { activeHead } from '../../qemu/active-head.js';
import { GuestAgent } from '../../qemu/guest-agent.js';
import { RUN_SOCKETS } from '../../qemu/machine.js';
import { endMigration } from '../../qemu/migration.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import { runStateOf } from '../../qemu/run-state.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { decodePending, isRunningStep, type RunningStep } from '../records/pending-record.js';
import { closeNode, endJob } from './live-jobs.js';
import { liveNode, MEMORY_JOB, removeLiveLinks } from './live-names.js';

/** What a guest does that was told to stand still, or whose memory was saved. */
const STANDS = new Set(['paused', 'postmigrate']);

/** How an instance is settled by whoever has begun the step itself. */
export interface SettleOptions {
  /** Whom it has asked to freeze; null: nobody. Default: what is on record is believed. */
  readonly agent?: GuestAgent | null;
}

/**
 * Ends what was begun with the disk of a running instance, in success, after an error, or after a kill: on disk there
 * is then one head, the one that QEMU writes to, and its guest runs on if it ran before, its file systems thawed. Does
 * nothing where nothing was begun. May be repeated, and killed anywhere. Only the record of a snapshot that was taken
 * or deleted is still due then, and pending: {@link keepRecords}.
 *
 * A guest must not run on before this has been done: what it writes could be in a file that nobody finds. Who holds
 * the only connection to QEMU is alone with it, so no other lock is needed.
 * @returns false when the guest has not said that its file systems are thawed
 * @throws MultipassError QMP_FAILED when QEMU ends meanwhile; IO_ERROR, …; the guest stands still then
 */
export async function settleRunning(
  dir: InstanceDir,
  client: QmpClient,
  options: SettleOptions = {},
): Promise<boolean> {
  const place = readRecordIfAny(dir.pending);
  if (place === undefined) return true;
  const { step } = decodePending(place);
  if (!isRunningStep(step)) return true;
  log('info', 'live', `ending "${step.operation}" of "${dir.name}"`);
  // What saves memory cannot be stopped, and lets the guest go on at its end.
  if (step.operation === 'live-snapshot') await endJob(client, MEMORY_JOB);
  const isFrozen = step.operation === 'freeze' && (await settleHead(dir, client, step.id));
  await endMigration(client);
  if (step.resume && STANDS.has(await runStateOf(client))) await client.execute('cont');
  const isThawed = await thaw(dir, step, options);
  // What has become of the disk the record is to follow: see keepRecords.
  if (step.operation === 'live-snapshot' || step.operation === 'live-delete') {
    const { tags } = await activeHead(client);
    if (tags.includes(step.tag) === (step.operation === 'live-snapshot')) return isThawed;
  }
  if (step.operation === 'freeze' && isFrozen) await seal(dir, step.id);
  await removeLiveLinks(dir);
  await rm(dir.pending, { force: true });
  await syncPath(dir.path);
  return isThawed;
}

/**
 * The same for one whose QEMU is gone: whichever of the two heads is there shows its guest the same. The caller holds
 * the exclusive lock, and removes bases that nobody stands on.
 */
export async function clearAfterRunning(dir: InstanceDir): Promise<void> {
  await rm(dir.newDisk, { force: true });
  await removeLiveLinks(dir);
  await syncPath(dir.path);
}

/**
 * Gives the head on disk the name of the head, whichever QEMU writes to; while its guest stands still.
 * @returns whether it is the new one
 */
async function settleHead(dir: InstanceDir, client: QmpClient, id: string): Promise<boolean> {
  const { node } = await activeHead(client);
  if (node === liveNode(id)) {
    if (lstatSync(dir.newDisk, { throwIfNoEntry: false }) !== undefined) {
      await rename(dir.newDisk, dir.disk);
    }
    // The guest may write once this is durable, and no earlier.
    await syncPath(dir.path);
    return true;
  }
  await closeNode(client, liveNode(id));
  await rm(dir.newDisk, { force: true });
  // A second name of the head: the bytes stay.
  if (isSameFile(dir.base(id), dir.disk)) await rm(dir.base(id));
  return false;
}

/** A base is nobody's to write to, and is durable before anything is made to stand on it. */
async function seal(dir: InstanceDir, id: string): Promise<void> {
  await chmod(dir.base(id), 0o444);
  await syncPath(dir.base(id));
}

async function thaw(
  dir: InstanceDir,
  step: RunningStep,
  { agent }: SettleOptions,
): Promise<boolean> {
  if (!step.thaw || agent === null) return true;
  if (agent?.mayBeFrozen === false) return true;
  if (agent !== undefined && (await agent.thaw())) return true;
  // The one that has frozen it may be another one by now.
  await using again = await GuestAgent.find(dir.run, RUN_SOCKETS.agent);
  return again !== null && (await again.thaw());
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) =>
    lstatSync(path, { bigint: true, throwIfNoEntry: false }),
  );
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}
