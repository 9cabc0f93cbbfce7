import { rmdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError, MultipassError, hasCode } from '../errors.js';
import { log } from '../log.js';
import { sleep } from '../abort.js';
import { HolderNote, describeHolders } from './lock-holders.js';
import { shareKernelLock, takeKernelLock, type LockMode } from './kernel-lock.js';
import type { StoreLayout } from './layout.js';

/** What a lock is wanted for. */
export interface LockRequest {
  readonly mode: LockMode;
  /** The command, for those who have to wait: `clone`. */
  readonly purpose: string;
  readonly signal?: AbortSignal | undefined;
  /** Called once, after 2 s of waiting, with who holds it. */
  readonly onWait?: ((holders: string) => void) | undefined;
  /** Called while waiting; throws to give up, for example because the instance has been started. */
  readonly whileWaiting?: (() => void) | undefined;
}

const TELL_AFTER_MS = 2000;
const POLL_MS = 100;

/**
 * The lock of one instance. The kernel's lock on `instances/<name>/lock` decides; proper-lockfile on top of an
 * exclusive one carries what other programs can see, and stands in alone where there is no flock(1).
 * Released by `await using`, by {@link release}, or by the kernel when this process dies.
 */
export class InstanceLock implements AsyncDisposable {
  #handle: FileHandle | undefined;
  #unlockVisible: (() => Promise<void>) | undefined;
  #note: HolderNote | undefined;
  #lost: Error | undefined;

  private constructor() {
    // Nothing is held yet: `take` is the way to one.
  }

  /**
   * Takes the lock of an instance, waiting as long as its holder lives.
   * @throws the system's ENOENT when there is no such instance (any more); ABORTED; whatever `whileWaiting` throws
   */
  static async take(
    layout: StoreLayout,
    name: string,
    request: LockRequest,
  ): Promise<InstanceLock> {
    const lock = new InstanceLock();
    try {
      await lock.#acquire(layout, name, request);
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** The open file that holds the kernel's lock, to be handed to QEMU; undefined without flock(1). */
  get descriptor(): number | undefined {
    return this.#handle?.fd;
  }

  /** @throws MultipassError LOCK_LOST when another process may have taken it over; call before a commit point */
  assertHeld(): void {
    // The kernel never takes a lock away, so only a lock without it can be lost.
    if (this.#handle !== undefined || this.#lost === undefined) return;
    throw new MultipassError('LOCK_LOST', 'the lock of the instance was taken over meanwhile', {
      hint: 'Try again; nothing was changed.',
      cause: this.#lost,
    });
  }

  /**
   * Lets others share it. The kernel may let somebody in while the one lock is turned into the other, so what was known
   * of the instance has to be looked at again.
   * @throws MultipassError ABORTED, TOOL_FAILED; the lock is one or the other then
   */
  async toShared(signal?: AbortSignal): Promise<void> {
    if (this.#handle === undefined) return;
    await this.#removeVisible();
    this.#unlockVisible = undefined;
    await shareKernelLock(this.#handle, signal);
  }

  async release(): Promise<void> {
    await this.#removeVisible();
    await this.#note?.remove();
    await this.#handle?.close();
  }

  async #removeVisible(): Promise<void> {
    await this.#unlockVisible?.().catch((error: unknown) =>
      log('debug', 'lock', `visible lock was gone: ${(error as Error).message}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #acquire(layout: StoreLayout, name: string, request: LockRequest): Promise<void> {
    const wait = patience(layout, name, request);
    this.#handle = await takePatiently(layout.instance(name).lock, request, wait);
    const hasKernelLock = this.#handle !== undefined;
    // What others see decides nothing then, and `purge` must get by on a full disk, or with a folder's overlong name.
    const passOver = (error: unknown): undefined => {
      if (!hasKernelLock || !(error instanceof MultipassError)) throw error;
      log('debug', 'lock', `nobody sees who holds it: ${error.message}`);
    };
    if (!hasKernelLock || request.mode === 'exclusive') {
      this.#unlockVisible = await lockVisibly(layout, name, {
        whenHeld: hasKernelLock ? removeFolder : wait,
        onCompromised: (error) => (this.#lost = error),
      }).catch(passOver);
    }
    this.#note = await HolderNote.write(layout, name, request.purpose).catch(passOver);
  }
}

/** Waits a moment each time it is called; tells once, when that has gone on for a while, who holds the lock. */
function patience(layout: StoreLayout, name: string, request: LockRequest): () => Promise<void> {
  const start = Date.now();
  let told = false;
  return async () => {
    request.whileWaiting?.();
    if (!told && Date.now() - start >= TELL_AFTER_MS) {
      told = true;
      request.onWait?.(describeHolders(layout, name));
    }
    await sleep(POLL_MS, request.signal);
  };
}

async function takePatiently(
  path: string,
  { mode, signal }: LockRequest,
  wait: () => Promise<void>,
): Promise<FileHandle | undefined> {
  try {
    for (;;) {
      const handle = await takeKernelLock(path, { mode, signal, wait: false });
      if (handle !== undefined) return handle;
      await wait();
    }
  } catch (error) {
    if (!hasCode(error, 'TOOL_MISSING')) throw error;
    log('debug', 'lock', 'no flock(1) here: proper-lockfile alone');
    return undefined;
  }
}

/** How the visible lock is taken. */
interface VisibleRequest {
  /** What to do about one that is there, before the next try. */
  readonly whenHeld: (path: string) => Promise<void>;
  readonly onCompromised: (error: Error) => void;
}

/**
 * The lock folder that other programs can see. Whoever holds the kernel's exclusive lock may remove one that it
 * finds, for its owner is dead; nobody else ever breaks one (breaking a stale one lets several in).
 */
async function lockVisibly(
  layout: StoreLayout,
  name: string,
  { whenHeld, onCompromised }: VisibleRequest,
): Promise<() => Promise<void>> {
  const { default: lockfile } = await import('proper-lockfile');
  const lockfilePath = join(layout.locks, `${name}.lock`);
  const options = { realpath: false, lockfilePath, stale: 15_000, update: 5_000, onCompromised };
  for (;;) {
    try {
      return await lockfile.lock(layout.instance(name).path, options);
    } catch (error) {
      if (errnoOf(error) !== 'ELOCKED') throw fromSystemError(error, 'lock', lockfilePath);
    }
    await whenHeld(lockfilePath);
  }
}

async function removeFolder(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, 'break a dead lock', path);
  });
}
