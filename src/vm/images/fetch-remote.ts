import { JsonPlace } from '../../files/decoder.js';
import { MultipassError, hasCode } from '../../errors.js';
import { fetchSmall, type HttpOptions } from '../../http/request.js';
import { problemOfJson } from '../../files/json-limits.js';
import { remoteUrl } from './remotes.js';
import { decodeIndex, decodeManifest, type StreamImage } from './simplestreams.js';

/** Bytes. No list comes near this; what does is none, and shall not fill the memory. */
const LARGEST_LIST = 32 * 1024 * 1024;

/** A list is small, and somebody waits for it: a server that says nothing for so long, in milliseconds, will not. */
const PATIENCE_MS = 8000;

/** What is asked of a remote. */
export interface RemoteRequest extends HttpOptions {
  /** Its name, such as `release`. */
  readonly remote: string;
  /** What takes the place of the official servers; null for none. */
  readonly mirror: string | null;
  /** As image servers call it: `amd64`. */
  readonly arch: string;
}

/** What a remote offers. */
export interface RemoteImages {
  /** What the images' paths lie below. */
  readonly base: URL;
  readonly images: readonly StreamImage[];
}

/**
 * Asks a remote for its images, all versions of them.
 * @throws MultipassError REMOTE_UNKNOWN; DOWNLOAD_FAILED when it cannot be reached; IMAGE_INVALID when what it says
 *   makes no sense; SETTING_INVALID for the mirror; ABORTED
 */
export async function fetchRemote(wanted: RemoteRequest): Promise<RemoteImages> {
  const base = remoteUrl(wanted.remote, wanted.mirror);
  const indexUrl = new URL('streams/v1/index.json', base);
  const index = await fetchJson(indexUrl, wanted);
  const path = sensible(indexUrl, () => decodeIndex(index));
  if (path === undefined) throw senseless(indexUrl, 'it names no images to download');
  const manifestUrl = belowBase(base, path);
  const manifest = await fetchJson(manifestUrl, wanted);
  return { base, images: sensible(manifestUrl, () => decodeManifest(manifest, wanted.arch)) };
}

/**
 * A path of a server's own lists as a URL; it never leads to another server, or out of the remote's folder.
 * @throws MultipassError IMAGE_INVALID
 */
export function belowBase(base: URL, path: string): URL {
  const url = URL.canParse(path, base.href) ? new URL(path, base) : null;
  if (
    url?.origin === base.origin &&
    url.pathname.startsWith(base.pathname) &&
    url.username === ''
  ) {
    return url;
  }
  throw senseless(base, `it names "${path}", which is not below it`);
}

async function fetchJson(
  url: URL,
  { signal, stallMs = PATIENCE_MS, deadlineMs }: HttpOptions,
): Promise<JsonPlace> {
  const deadline = deadlineMs === undefined ? {} : { deadlineMs };
  const list = await fetchSmall({ url, signal, stallMs, ...deadline }, LARGEST_LIST);
  return sensible(url, () => {
    const problem = problemOfJson(list);
    if (problem !== undefined) throw senseless(url, problem);
    return JsonPlace.parse(url.href, list.toString('utf8'));
  });
}

function sensible<T>(url: URL, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!hasCode(error, 'RECORD_INVALID')) throw error;
    throw senseless(url, error.message, error);
  }
}

function senseless(url: URL, problem: string, cause?: unknown): MultipassError {
  return new MultipassError('IMAGE_INVALID', `"${url.href}" is no list of images: ${problem}`, {
    hint: 'Look at `multipass get local.image.mirror`: that server may be no mirror, or be out of order.',
    details: { url: url.href },
    cause,
  });
}
