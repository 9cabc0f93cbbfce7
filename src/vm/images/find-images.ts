import { MultipassError } from '../../errors.js';
import { streamArchitecture } from './architecture.js';
import { fetchRemote } from './fetch-remote.js';
import { Work, type WorkRequest } from '../../work.js';
import type { HttpOptions } from '../../http/request.js';
import { remoteUrl, SEARCHED_REMOTES, shownRemotes } from './remotes.js';
import { searchImages } from './select-image.js';
import type { StreamImage } from './simplestreams.js';

/** What is looked for. */
export interface FindOptions extends WorkRequest {
  /** Null: every remote, or with a search those that `launch` searches. */
  readonly remote?: string | null | undefined;
  /** An alias, a release, or the beginning of a hash; '' for all there is. */
  readonly search?: string | undefined;
  /** True: images of releases past their support as well. */
  readonly showUnsupported?: boolean | undefined;
  /** As Node or image servers call it. Default: of this machine. */
  readonly arch?: string | undefined;
}

/** The same, and where it is looked for. */
export interface FindRequest extends FindOptions, Pick<HttpOptions, 'stallMs'> {
  /** Takes the place of the official servers; null for none. */
  readonly mirror: string | null;
}

/** An image that can be launched, and its remote. */
export interface FoundImage extends StreamImage {
  /** Name of the server that has it. */
  readonly remote: string;
}

/** What was found, and which remotes could not be asked. */
export interface FoundImages {
  /** What was found. */
  readonly images: readonly FoundImage[];
  /** Why some servers could not be asked. */
  readonly problems: readonly MultipassError[];
}

/**
 * Looks for images that run on this machine: the latest version of each, or by its hash any. Without a remote and a
 * search, an image of a further remote is left out when the first one has that release.
 * @throws MultipassError REMOTE_UNKNOWN; DOWNLOAD_FAILED, IMAGE_INVALID when no remote could be asked; SETTING_INVALID,
 *   ABORTED
 */
export async function findImages(request: FindRequest): Promise<FoundImages> {
  const { remote = null, search = '', mirror } = request;
  const work = Work.of(request.work);
  const remotes = remotesOf(remote, search, mirror);
  for (const name of remotes) remoteUrl(name, mirror);
  const answers = await Promise.allSettled(
    remotes.map((name) => imagesOf(name, { ...request, work })),
  );
  work.throwIfAborted();
  const problems = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [problemOf(answer.reason)] : [],
  );
  const [first] = problems;
  if (first !== undefined && problems.length === remotes.length) throw first;
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  return { images: remote === null && search === '' ? eachReleaseOnce(found) : found, problems };
}

function remotesOf(remote: string | null, search: string, mirror: string | null): string[] {
  if (remote !== null) return [remote];
  return search === '' ? shownRemotes(mirror) : [...SEARCHED_REMOTES];
}

async function imagesOf(
  remote: string,
  request: FindRequest & { readonly work: Work },
): Promise<FoundImage[]> {
  const { mirror, work, stallMs, search = '', showUnsupported = false } = request;
  const arch = streamArchitecture(request.arch);
  const { images } = await fetchRemote({ remote, mirror, arch, signal: work.signal, stallMs });
  const wanted = search === '' ? images.filter(hasAlias) : searchImages(images, search);
  return wanted
    .filter(({ supported }) => supported || showUnsupported)
    .map((image) => ({ ...image, remote }));
}

function hasAlias({ aliases }: StreamImage): boolean {
  return aliases.length > 0;
}

function eachReleaseOnce(images: readonly FoundImage[]): FoundImage[] {
  const remoteOf = new Map<string, string>();
  return images.filter(({ os, title, remote }) => {
    const release = `${os} ${title}`;
    if (!remoteOf.has(release)) remoteOf.set(release, remote);
    return remoteOf.get(release) === remote;
  });
}

/** A failure that a user can meet; a bug ends everything. */
function problemOf(reason: unknown): MultipassError {
  if (reason instanceof MultipassError) return reason;
  throw reason;
}
