import { rm } from 'node:fs/promises';
import { MultipassError } from '../errors.js';
import { readRecordIfAny, replaceRecord } from '../files/record.js';
import { log } from '../log.js';
import { ephemeralTokens } from '../store/ephemeral-tokens.js';
import { checkStoreFormat } from '../store/format.js';
import type { StoreLayout } from '../store/layout.js';
import { isMakerGone, MakerLock } from '../store/maker-lock.js';
import { newToken } from '../store/maker-token.js';
import { purgeInstance } from './delete-instance.js';
import { isNotFound } from './errors.js';
import { readInstances } from './list-instances.js';
import { decodeUuid } from './records/spec.js';

/**
 * The mark that an instance is to end with this process: a file in `locks/`, named like what the process has in the
 * making, and there before the instance is. Whether the process lives says `locks/<maker>.maker`, which it holds for
 * as long.
 */
export class EphemeralLease {
  /** Of the instance. */
  readonly uuid: string;
  /** Resolves when the lease is released. */
  readonly ended: Promise<void>;
  readonly #path: string;
  readonly #lock: MakerLock;
  #end: () => void = () => undefined;

  private constructor(uuid: string, path: string, lock: MakerLock) {
    this.uuid = uuid;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#path = path;
    this.#lock = lock;
  }

  /** @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR */
  static async take(layout: StoreLayout, uuid: string): Promise<EphemeralLease> {
    const lock = await MakerLock.hold(layout);
    const path = layout.ephemeral(newToken());
    try {
      await replaceRecord(path, { uuid });
      return new EphemeralLease(uuid, path, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** The instance is gone, or stays for good. May be called again. */
  async release(): Promise<void> {
    await rm(this.#path, { force: true });
    await this.#lock.release();
    this.#end();
  }
}

const known = new WeakMap<StoreLayout, Set<AsyncDisposable>>();

/** The ephemeral instances that one opened store has made, and that are still there. */
export function ephemeralOf(layout: StoreLayout): Set<AsyncDisposable> {
  const found = known.get(layout) ?? new Set();
  known.set(layout, found);
  return found;
}

/**
 * Purges the ephemeral instances of processes that are gone; those that run have their power cut. Every command that
 * changes the store does it first, and the library when an ephemeral instance is made.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR: a failure with one instance is logged, and left to the next time
 */
export async function sweepEphemeral(layout: StoreLayout): Promise<void> {
  for (const token of ephemeralTokens(layout)) {
    try {
      if (await isMakerGone(layout, token)) await endWith(layout, token);
    } catch (error) {
      if (!(error instanceof MultipassError)) throw error;
      log('warning', 'ephemeral', `an instance of a dead process is left: ${error.message}`);
    }
  }
}

async function endWith(layout: StoreLayout, token: string): Promise<void> {
  const path = layout.ephemeral(token);
  const record = readRecordIfAny(path);
  if (record === undefined || !checkStoreFormat(layout)) return;
  await purgeWithUuid(layout, decodeUuid(record.key('uuid')));
  await rm(path, { force: true });
}

/**
 * Purges the instance that has a uuid, running or not, under whatever name; nothing happens when there is none.
 * @throws MultipassError what purging throws
 */
export async function purgeWithUuid(layout: StoreLayout, uuid: string): Promise<void> {
  for (const { view, reading } of await readInstances(layout)) {
    // A copy that somebody made by hand is Broken, and not what was to end.
    if (reading?.spec.uuid !== uuid || view.state === 'Broken') continue;
    await purgeInstance(layout, view.name, { uuid }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
