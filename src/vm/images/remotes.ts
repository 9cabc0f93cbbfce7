import { MultipassError } from '../../errors.js';

interface Remote {
  /** What its `streams/v1/index.json` lies below. */
  readonly url: string;
  /** Its path below a mirror, which takes the place of the official host; null when there are no mirrors of it. */
  readonly mirrored: string | null;
}

const REMOTES: Readonly<Record<string, Remote>> = {
  release: { url: 'https://cloud-images.ubuntu.com/releases/', mirrored: 'releases/' },
  daily: { url: 'https://cloud-images.ubuntu.com/daily/', mirrored: 'daily/' },
  snapcraft: { url: 'https://cloud-images.ubuntu.com/buildd/daily/', mirrored: 'buildd/daily/' },
  core: { url: 'https://cdimage.ubuntu.com/ubuntu-core/', mirrored: null },
};

/** The remote that need not be named. */
export const DEFAULT_REMOTE = 'release';

/** Where an image is looked for when no remote is named, in this order. */
export const SEARCHED_REMOTES: readonly string[] = [DEFAULT_REMOTE, 'daily'];

/**
 * The remotes that `find` shows when none is named. With a mirror only those it has: who sets one may be without a
 * way to the others.
 */
export function shownRemotes(mirror: string | null): string[] {
  const names = Object.entries(REMOTES);
  return names.flatMap(([name, { mirrored }]) =>
    mirror !== null && mirrored === null ? [] : name,
  );
}

/**
 * What everything of a remote lies below.
 * @param mirror as {@link parseMirror} takes it; null: the official servers
 * @throws MultipassError REMOTE_UNKNOWN; SETTING_INVALID
 */
export function remoteUrl(name: string, mirror: string | null): URL {
  const remote = Object.hasOwn(REMOTES, name) ? REMOTES[name] : undefined;
  if (remote === undefined) {
    throw new MultipassError('REMOTE_UNKNOWN', `Remote "${name}" is unknown or unreachable.`, {
      hint: `Use one of ${Object.keys(REMOTES).join(', ')}.`,
      details: { remote: name },
    });
  }
  if (mirror === null || remote.mirrored === null) return new URL(remote.url);
  return new URL(remote.mirrored, parseMirror(mirror));
}

/**
 * Reads the setting of the mirror: an `https:` URL, or an `http:` one of this very machine; a slash is added at its
 * end.
 * @throws MultipassError SETTING_INVALID
 * @internal for its tests
 */
export function parseMirror(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !isAllowed(url)) {
    throw new MultipassError('SETTING_INVALID', `"${text}" cannot be an image mirror`, {
      hint: 'Give an https URL, such as "https://mirror.example/cloud-images/".',
      details: { mirror: text },
    });
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function isAllowed(url: URL): boolean {
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return false;
  }
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

/** As {@link URL} writes host names: IPv6 in brackets, IPv4 in four decimals. @internal for its tests */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
