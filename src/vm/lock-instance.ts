import { makeFolder } from '../files/make-folder.js';
import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError } from '../errors.js';
import type { InstanceDir } from '../store/instance-dir.js';
import { takeKernelLock, type LockMode } from '../store/kernel-lock.js';
import { isPlainName, type StoreLayout } from '../store/layout.js';
import { InstanceLock } from '../store/lock.js';
import type { Work } from '../work.js';
import { instanceIsRunning, instanceNotFound } from './errors.js';
import { isRunning, requireFolder } from './read-instance.js';

/** What keeps others from an instance: its own lock, or that of a running one's mounts. */
export type InstanceHold = Pick<InstanceLock, 'descriptor' | 'assertHeld' | 'toShared' | 'release'>;

/** How the lock of an instance is taken. */
export interface LockInstanceRequest {
  readonly mode: LockMode;
  /** The command, in a word. */
  readonly for: string;
  readonly work: Work;
  /** The error for an instance that runs: its QEMU holds the lock, and nobody waits for that. */
  readonly refuse?: ((name: string, state: 'Running') => Error) | undefined;
}

/**
 * Takes the lock of an instance, and that alone: for `openInstance`, and for those who deal with Broken ones.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED or the refusal, ABORTED; INSTANCE_BROKEN for a link
 */
export async function lockInstance(
  layout: StoreLayout,
  name: string,
  request: LockInstanceRequest,
): Promise<InstanceLock> {
  if (!isPlainName(name)) throw instanceNotFound(name);
  const { mode, work } = request;
  const dir = layout.instance(name);
  const refuseIfRunning = (): void => {
    if (!isRunning(dir)) return;
    throw request.refuse?.(name, 'Running') ?? instanceIsRunning(name, request.for);
  };
  requireFolder(dir);
  refuseIfRunning();
  try {
    return await InstanceLock.take(layout, name, {
      mode,
      purpose: request.for,
      signal: work.signal,
      onWait: (holders) => work.waitFor(name, holders),
      whileWaiting: refuseIfRunning,
    });
  } catch (error) {
    if (error instanceof MultipassError) throw error;
    // Of all paths it is the folder of the instance alone whose absence means that there is none.
    if (errnoOf(error) === 'ENOENT') requireFolder(dir);
    throw fromSystemError(error, `lock "${name}"`, dir.lock);
  }
}

/** Takes the lock of a running instance's mounts. @throws MultipassError ABORTED, TOOL_MISSING */
export async function lockMounts(dir: InstanceDir, { signal }: Work): Promise<InstanceHold> {
  return await lockOfRun(dir, dir.mountsLock, signal);
}

/**
 * Takes the lock of who copies a running instance's disk or memory, or changes its head.
 * @throws MultipassError ABORTED, TOOL_MISSING
 */
export async function lockLive(dir: InstanceDir, { signal }: Work): Promise<InstanceHold> {
  return await lockOfRun(dir, dir.liveLock, signal);
}

async function lockOfRun(
  dir: InstanceDir,
  path: string,
  signal: AbortSignal | undefined,
): Promise<InstanceHold> {
  if (!existsSync(dir.run)) await makeFolder(dir.run);
  const handle = await takeKernelLock(path, { mode: 'exclusive', wait: true, signal });
  return new LockOfRun(handle);
}

/** Held by its descriptor; the kernel never takes it away. */
class LockOfRun implements InstanceHold {
  readonly descriptor = undefined;
  readonly #handle: FileHandle | undefined;

  constructor(handle: FileHandle | undefined) {
    this.#handle = handle;
  }

  assertHeld(): void {
    // Nothing can be lost.
  }

  toShared(): Promise<void> {
    return Promise.reject(new Error('what is held of a running instance is not shared'));
  }

  async release(): Promise<void> {
    await this.#handle?.close();
  }
}
