import { chmod } from 'node:fs/promises';
import { fromSystemError } from '../../errors.js';
import { lockInstance } from '../lock-instance.js';
import { settle } from '../pending/settle.js';
import { prepareStore } from '../sweep.js';
import type { Mend, MendingRequest } from './finding.js';

/** Does what every command that changes the store begins with. */
export const sweepStore: Mend = ({ layout }) => prepareStore(layout);

/** Takes rights away, or gives an immutable file its own. */
export function setMode(path: string, mode: number): Mend {
  return async () => {
    await chmod(path, mode).catch((error: unknown) => {
      throw fromSystemError(error, 'change the mode', path);
    });
  };
}

/** Moves something into `lost+found/`. */
export function moveAside(path: string): Mend {
  return ({ lost }) => lost.moveAside(path);
}

/** Mends something of an instance while nobody else changes it. One that runs is refused. */
export function whileLocked(name: string, act: Mend): Mend {
  return async (request) => {
    await using lock = await lockFor(request, name);
    lock.assertHeld();
    await act(request);
  };
}

/** Finishes what a killed command or a killed QEMU left of an instance. */
export function settleInstance(name: string): Mend {
  return whileLocked(name, async ({ layout, work }) => {
    await settle(layout, name, work);
  });
}

/** Takes the instance's lock and gives it back: a visible lock that somebody dead left goes with it. */
export function passThroughLock(name: string): Mend {
  return whileLocked(name, () => Promise.resolve());
}

async function lockFor({ layout, work }: MendingRequest, name: string) {
  return await lockInstance(layout, name, { mode: 'exclusive', for: 'doctor', work });
}
