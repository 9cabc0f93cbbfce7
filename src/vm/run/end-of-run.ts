import { rm } from 'node:fs/promises';
import { sleep } from '../../abort.js';
import { MultipassError, hasCode } from '../../errors.js';
import { SOCKETS } from '../../qemu/machine.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { InstanceLock } from '../../store/lock.js';
import type { StoreLayout } from '../../store/layout.js';
import { endKeepers } from '../mounts/keeper.js';
import { endForwards } from '../forwards/apply-forwards.js';
import { isRunning } from '../read-instance.js';
import { networkDownIfIdle } from '../network/leave-network.js';
import { bridgedCards } from '../records/machine-record.js';

const POLL_MS = 20;

/** Waits until the QEMU of an instance is gone. @throws MultipassError ABORTED */
export async function waitForEnd(dir: InstanceDir, signal?: AbortSignal): Promise<void> {
  while (isRunning(dir)) await sleep(POLL_MS, signal);
}

/**
 * Tidies up after a QEMU that has ended: what it leaves in `run/`, and the bridge when it was the last one on it.
 * Whoever starts the instance again meanwhile is left alone.
 * @param isClean false when it was killed: its pid file stays then, for the next one to check the disk
 */
export async function tidyAfterRun(
  layout: StoreLayout,
  name: string,
  isClean: boolean,
): Promise<void> {
  const dir = layout.instance(name);
  const cards = bridgedCards(dir);
  try {
    await using lock = await InstanceLock.take(layout, name, {
      mode: 'exclusive',
      purpose: 'stop',
      whileWaiting: () => {
        if (isRunning(dir)) throw startedAgain(name);
      },
    });
    lock.assertHeld();
    await endKeepers(dir);
    await rm(dir.runFile(SOCKETS), { recursive: true, force: true });
    if (isClean) await rm(dir.qemuPid, { force: true });
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_STOPPED')) throw error;
  }
  if (cards.some(({ within }) => within === 'shared')) await endForwards(layout, name);
  if (cards.length > 0) await networkDownIfIdle(layout, cards);
}

function startedAgain(name: string): MultipassError {
  return new MultipassError('INSTANCE_NOT_STOPPED', `"${name}" was started again meanwhile`, {
    hint: 'Stop it once more.',
    details: { name },
  });
}
