import { existsSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { hasOwnData } from '../../qemu/qcow2-header.js';
import { purgeInstance } from '../delete-instance.js';
import { consoleTail } from '../guest/console.js';
import { obtainImage, type ObtainedImage } from '../images/obtain-image.js';
import type { FromRegistry } from '../images/obtain-options.js';
import { removeIfUnused } from '../images/purge-images.js';
import { startMachine } from '../run/start-instance.js';
import { waitForGuest } from '../run/wait-for-guest.js';
import { readSettings } from '../settings/settings.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work } from '../../work.js';
import { prepareStore } from '../sweep.js';
import { askVerdict } from './guest-verdict.js';
import { checkLaunch, diskSize } from './check-request.js';
import { createInstance } from './create-instance.js';
import type { LaunchReport, LaunchRequest } from './launch-request.js';
import { withDefaults, type FullLaunchRequest } from './with-defaults.js';
import { StillInitializing, waitForInitialization } from './wait-for-initialization.js';

/**
 * Makes an instance from an image, starts it, and waits until it has set itself up. When anything fails before its
 * guest lets us in, or it is interrupted, nothing of it is left: no process, no tap, no folder. The image stays in the
 * store, but for one that was fetched for this launch, and whose guest ran and never wrote to its disk: it does not
 * boot. A guest that lets us in, but is not done with its set-up in time, is left running: its work would be lost.
 *
 * @throws MultipassError INVALID_ARGUMENT, INVALID_NAME, NAME_TAKEN, IMAGE_NOT_FOUND, IMAGE_INVALID, DOWNLOAD_FAILED,
 *   NETWORK_NOT_FOUND, MAC_TAKEN, DISK_FULL, QEMU_FAILED, TIMED_OUT, ABORTED, …
 */
export async function launchInstance(wanted: LaunchRequest): Promise<LaunchReport> {
  const { layout, env = process.env, timeoutMs } = wanted;
  const work = Work.of(wanted.work);
  const settings = readSettings(layout, env);
  const request = await withDefaults({ ...wanted, work }, settings);
  await checkLaunch(request, settings);
  await prepareStore(layout);
  const { name, image } = await create(request, settings.imageMirror, work);
  let hasRun = false;
  try {
    work.begin('starting', name);
    const { reading } = await startMachine({ layout, name, env, work });
    hasRun = true;
    const guest = await waitForGuest({ layout, reading, timeoutMs, work });
    work.begin('initializing', name);
    await waitForInitialization({ guest, layout, name, timeoutMs, work });
    const complaints = await askVerdict(guest, work.signal);
    for (const line of complaints) work.warn(`cloud-init of "${name}" was not content: ${line}`);
    work.throwIfAborted();
    return { name, complaints };
  } catch (error) {
    if (error instanceof StillInitializing) throw error;
    const isUseless = hasRun && image.isNew && !hasWritten(layout, name);
    const failure = await removeFailed(layout, name, { error, work });
    if (isUseless && (await removeIfUnused(layout, image).catch(() => false))) {
      work.warn(NOT_KEPT);
    }
    throw failure;
  }
}

/** Loaded when it is needed: few images come from a registry. */
const fromRegistry: FromRegistry = async (reference, options) => {
  const { obtainFromRegistry } = await import('../registry-images/obtain-from-registry.js');
  return await obtainFromRegistry(reference, options);
};

/** An image that nobody has a link to yet may be purged by another command: then it is fetched again. */
async function create(
  request: FullLaunchRequest,
  mirror: string | null,
  work: Work,
): Promise<{ name: string; image: ObtainedImage }> {
  const { layout, image: query, imageFormat: as, name = null } = request;
  for (;;) {
    work.begin('retrieving', name);
    const image = await obtainImage({ layout, query, mirror, as, fromRegistry, work });
    diskSize(request, image.virtualSize);
    work.begin('creating', name);
    try {
      return { name: await createInstance({ ...request, work }, image), image };
    } catch (error) {
      if (existsSync(image.dir.disk)) throw error;
    }
  }
}

const NOT_KEPT =
  'the guest never wrote to its disk, so its image does not seem to boot: it was not kept';

/** Whether a guest has ever written to its disk; where that cannot be told, it may have. */
function hasWritten(layout: StoreLayout, name: string): boolean {
  try {
    return hasOwnData(layout.instance(name).disk);
  } catch {
    return true;
  }
}

/** Whatever becomes of the removal, what is told is why the launch failed. */
async function removeFailed(
  layout: StoreLayout,
  name: string,
  { error, work }: { error: unknown; work: Work },
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
  work.throwIfAborted();
  if (!(error instanceof MultipassError)) return error;
  return error.restated({ details: { console } });
}
