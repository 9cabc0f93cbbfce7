import { createConnection, type Socket } from 'node:net';
import { errnoOf, MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { lookAt } from '../open.js';
import { requireGuest } from './open-guest.js';
import type { Guest } from './ssh.js';

/** Which instance is meant. */
interface PlaceRequest {
  readonly layout: StoreLayout;
  readonly name: string;
}

/**
 * Opens a connection to the ssh server of a running instance, wherever it is to be had.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_RUNNING, GUEST_SILENT when nothing answers there
 */
export async function connectToSsh({ layout, name }: PlaceRequest): Promise<Socket> {
  const { address } = await runningGuest({ layout, name });
  const socket = createConnection({ ...address, allowHalfOpen: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    // Its end is told by `close`, which follows.
    socket.on('error', () => undefined);
    return socket;
  } catch (error) {
    throw new MultipassError('GUEST_SILENT', `"${name}" does not answer: ${reasonOf(error)}`, {
      hint: 'Try again in a moment: it may still be starting.',
      details: { name },
      cause: error,
    });
  }
}

/** A running instance as ssh enters it. @throws MultipassError as {@link connectToSsh}; SSH_FAILED without a key */
export async function runningGuest({ layout, name }: PlaceRequest): Promise<Guest> {
  const reading = lookAt(layout, name, { for: 'exec', states: ['Running'], disk: 'any' });
  return await requireGuest(layout, reading);
}

function reasonOf(error: unknown): string {
  return errnoOf(error) ?? String(error);
}
