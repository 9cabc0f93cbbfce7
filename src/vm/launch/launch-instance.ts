import { existsSync } from 'node:fs';
import { throwIfAborted } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import { purgeInstance } from '../delete-instance.js';
import { consoleTail } from '../guest/console.js';
import { obtainImage, type ObtainedImage } from '../images/obtain-image.js';
import { startMachine } from '../run/start-instance.js';
import { Work } from '../../work.js';
import { waitForGuest } from '../run/wait-for-guest.js';
import { readSettings } from '../settings/settings.js';
import { prepareStore } from '../sweep.js';
import { checkLaunch, diskSize } from './check-request.js';
import { createInstance } from './create-instance.js';
import type { LaunchRequest } from './launch-request.js';
import { waitForInitialization } from './wait-for-initialization.js';

/**
 * Makes an instance from an image, starts it, and waits until it has set itself up. When anything fails before its guest
 * lets us in, or it is interrupted, nothing of it is left: no process, no tap, no folder; the image stays in the store.
 * A guest that lets us in, but is not done with its set-up in time, is left running: its work would be lost.
 *
 * @returns its name
 * @throws MultipassError INVALID_ARGUMENT, INVALID_NAME, NAME_TAKEN, IMAGE_NOT_FOUND, IMAGE_INVALID, DOWNLOAD_FAILED,
 *   NETWORK_NOT_FOUND, MAC_TAKEN, DISK_FULL, QEMU_FAILED, TIMED_OUT, ABORTED, …
 */
export async function launchInstance(request: LaunchRequest): Promise<string> {
  const { layout, env = process.env, signal, onProgress, onWarning } = request;
  const settings = readSettings(layout, env);
  await checkLaunch(request, settings);
  await prepareStore(layout);
  const tell = (phase: Parameters<NonNullable<typeof onProgress>>[0]['phase'], name: string) =>
    onProgress?.({ phase, name });
  const name = await create(request, settings.imageMirror);
  try {
    tell('starting', name);
    const work = Work.of({ signal, onWarning });
    const { timeoutMs } = request;
    const { reading } = await startMachine({ layout, name, env, work });
    const guest = await waitForGuest({ layout, reading, timeoutMs, work });
    tell('initializing', name);
    await waitForInitialization({ guest, layout, name, timeoutMs, work });
    return name;
  } catch (error) {
    if (error instanceof MultipassError && error.details['kept'] === true) throw error;
    throw await removeFailed(request, name, error);
  }
}

/** An image that nobody has a link to yet may be purged by another command: then it is fetched again. */
async function create(request: LaunchRequest, mirror: string | null): Promise<string> {
  for (;;) {
    const image = await obtain(request, mirror);
    diskSize(request.disk, image.virtualSize);
    request.onProgress?.({ phase: 'creating', name: request.name ?? null });
    try {
      return await createInstance(request, image);
    } catch (error) {
      if (existsSync(image.dir.disk)) throw error;
    }
  }
}

async function obtain(request: LaunchRequest, mirror: string | null): Promise<ObtainedImage> {
  const { layout, image = '', name = null, signal, onProgress, onWarning } = request;
  return await obtainImage({
    layout,
    query: image,
    mirror,
    signal,
    onWarning,
    onProgress: ({ phase, fraction }) => onProgress?.({ phase, name, fraction }),
  });
}

/** Whatever becomes of the removal, what is told is why the launch failed. */
async function removeFailed(
  { layout, signal }: LaunchRequest,
  name: string,
  error: unknown,
): Promise<unknown> {
  const console = consoleTail(layout.instance(name));
  try {
    await purgeInstance(layout, name);
  } catch (second) {
    return new MultipassError(
      error instanceof MultipassError ? error.code : 'IO_ERROR',
      `${(error as Error).message}; and "${name}" could not be removed: ${(second as Error).message}`,
      { hint: `Remove it with \`multipass delete --purge ${name}\`.`, cause: error },
    );
  }
  throwIfAborted(signal);
  if (!(error instanceof MultipassError)) return error;
  return new MultipassError(error.code, error.message, {
    hint: error.hint,
    details: { ...error.details, console },
    cause: error.cause,
  });
}
