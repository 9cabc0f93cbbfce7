import { atOnce } from '../../at-once.js';
import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work, type WorkRequest } from '../../work.js';
import { listInstances } from '../list-instances.js';
import { stopInstance } from '../run/stop-instance.js';
import { suspendInstance } from '../run/suspend-instance.js';
import { isLive } from '../state.js';

/** What became of an instance that ran. */
export type Rested =
  | {
      /** Of the instance. */
      readonly name: string;
      /** In which way it rests now. */
      readonly how: 'suspended' | 'stopped';
    }
  | {
      /** Of the instance. */
      readonly name: string;
      /** Neither worked. */
      readonly how: 'failed';
      /** Why. */
      readonly error: MultipassError;
    };

/** Instances that are saved at the same time: more wait for the disk. */
const AT_ONCE = 4;
/** How long the guest of one that cannot be suspended may take to shut down. */
const STOP_MS = 45_000;

/**
 * Suspends every instance that runs, before the host goes down and cuts the power of all of them; one that cannot be,
 * such as one that uses a native mount, is shut down.
 * @returns what became of each, in the order of the names
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED, ABORTED
 */
export async function restInstances({
  layout,
  ...request
}: WorkRequest & { readonly layout: StoreLayout }): Promise<Rested[]> {
  const work = Work.of(request.work);
  const running = (await listInstances(layout)).filter(({ state }) => isLive(state));
  const rested = new Map<string, Rested>();
  await atOnce(running, AT_ONCE, async ({ name }) => {
    rested.set(name, await rest(layout, name, work.beside()));
  });
  return running.flatMap(({ name }) => rested.get(name) ?? []);
}

async function rest(layout: StoreLayout, name: string, work: Work): Promise<Rested> {
  try {
    try {
      await suspendInstance({ layout, name, work });
      return { name, how: 'suspended' };
    } catch (error) {
      log('warning', 'autostart', `"${name}" is shut down: ${refusal(error).message}`);
    }
    await stopInstance({ layout, name, timeoutMs: STOP_MS, work });
    return { name, how: 'stopped' };
  } catch (error) {
    return { name, how: 'failed', error: refusal(error) };
  }
}

/** @throws what is no failure of this one instance */
function refusal(error: unknown): MultipassError {
  if (!(error instanceof MultipassError) || error.code === 'ABORTED') throw error;
  return error;
}
