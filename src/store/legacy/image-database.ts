import { join } from 'node:path';
import { type LenientDatabase, readLenientDatabase } from './lenient-json.js';
import { LooseValue } from './loose-value.js';
import type { LegacyRoot } from './roots.js';

/** What was asked of an image server, or which file or URL was given. */
export interface LegacyImageQuery {
  readonly release: string;
  /** Name of the image server's remote; '' for the default one. */
  readonly remote: string;
  readonly type: 'alias' | 'file' | 'http';
}

/** Where an instance's disk came from, by `multipassd-instance-image-records.json`. */
export interface LegacyImage {
  /** The instance's disk, absolute as it was recorded, whether or not it is still there. */
  readonly path: string | null;
  /** Hash of the image; '' when unknown. It need not equal any key of a database. */
  readonly id: string;
  /** Title of the release, such as `24.04 LTS`; '' when unknown. */
  readonly release: string;
  /** `Ubuntu`, `Debian`, …; '' when unknown. */
  readonly os: string;
  /** The image's version on its server, such as `20260518`; '' when unknown. */
  readonly version: string;
  readonly query: LegacyImageQuery;
}

const QUERY_TYPES = ['alias', 'file', 'http'] as const;

/**
 * Reads the database of the instances' images.
 * @throws as {@link readLenientDatabase}
 */
export function readImageDatabase(root: LegacyRoot): LenientDatabase {
  return readLenientDatabase(join(root.dataDir, 'vault', 'multipassd-instance-image-records.json'));
}

/**
 * Decodes one record leniently; what is of a wrong kind becomes '' (or null) with a warning.
 * @returns null, with a warning, when it is no object at all
 */
export function decodeLegacyImage(value: unknown, warnings: string[]): LegacyImage | null {
  const place = new LooseValue(value, warnings);
  if (!place.isObject()) return place.warn('a record of an image', null);
  const image = place.section('image');
  const path = decodePath(image.key('path'));
  const release = image.key('original_release').string('');
  const query = decodeQuery(place.section('query'));
  return {
    path,
    id: image.key('id').string(''),
    release,
    os: decodeOs(image.key('os'), { release, query }),
    version: image.key('release_date').string(''),
    query,
  };
}

/** The system refuses a path with a NUL. */
function decodePath(place: LooseValue): string | null {
  const path = place.string('');
  if (path.includes('\0')) return place.warn('a path', null);
  return path === '' ? null : path;
}

/** Releases up to 1.16.3 record type 0 for every image, so that only the text itself tells a file or a URL. */
function decodeQuery(place: LooseValue): LegacyImageQuery {
  const release = place.key('release').string('');
  const index = place.key('query_type').integer(0, 0);
  const recorded = QUERY_TYPES[index] ?? place.key('query_type').warn('a query type', 'alias');
  return {
    release,
    remote: place.key('remote_name').string(''),
    type: recorded === 'alias' ? typeOfText(release) : recorded,
  };
}

function typeOfText(release: string): LegacyImageQuery['type'] {
  if (/^file:\/\//i.test(release)) return 'file';
  return /^https?:\/\//i.test(release) ? 'http' : 'alias';
}

/**
 * Up to 1.16 no system is recorded, because image servers had Ubuntu only. A title or a remote proves that the
 * image came from such a server; the query's type alone does not, for it may be wrong.
 */
function decodeOs(
  place: LooseValue,
  { release, query }: { release: string; query: LegacyImageQuery },
): string {
  const os = place.string('');
  const isFromServer = query.type === 'alias' && (release !== '' || query.remote !== '');
  return os === '' && isFromServer ? 'Ubuntu' : os;
}
