import { bytesOf } from '../../memory-size.js';
import type { Settings } from '../settings/settings.js';
import { Work } from '../../work.js';
import type { LaunchRequest } from './launch-request.js';
import { readUserData } from './read-user-data.js';

/** A request in which nothing but its disk, which depends on the image, is left to the settings. */
export interface FullLaunchRequest extends LaunchRequest {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes; undefined when nobody asked for a size. */
  readonly disk?: number | undefined;
  readonly image: string;
  /** The size of a disk that nobody asked for, in bytes; an image that wants more gets more. */
  readonly usualDisk: number;
}

/**
 * What is launched, where the request does not say, by the settings `local.default.*`.
 * @throws MultipassError INVALID_ARGUMENT for a size that is none, and when the cloud-init configuration that they name
 *   cannot be read; ABORTED
 */
export async function withDefaults(
  request: LaunchRequest,
  settings: Settings,
): Promise<FullLaunchRequest> {
  const { cpus, memory, image, disk, cloudInit } = settings.launchDefaults;
  const { userData } = request;
  const usual =
    userData === undefined && cloudInit !== null ? await defaultUserData(cloudInit, request) : {};
  return {
    ...request,
    ...usual,
    cpus: request.cpus ?? cpus,
    memory: bytesOf(request.memory ?? memory, 'memory'),
    disk: request.disk === undefined ? undefined : bytesOf(request.disk, 'disk'),
    image: request.image ?? image,
    usualDisk: disk,
  };
}

async function defaultUserData(source: string, request: LaunchRequest) {
  const { signal } = Work.of(request.work);
  const stdin = (): Promise<Buffer> => Promise.resolve(Buffer.alloc(0));
  return { userData: await readUserData(source, { stdin, signal }), userDataFrom: source };
}
