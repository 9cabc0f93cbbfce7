import type { JsonPlace } from '../../files/decoder.js';
import { decodeImageRecord, type ImageQuery, type ImageRecord } from '../records/image-record.js';

/** An image's own `image-record.json`: what its instances get, and what it can be found by without its server. */
export interface VaultRecord extends ImageRecord {
  /** Every name its server knows it by. */
  readonly aliases: readonly string[];
  /** The remote it came from; '' for a file or a URL. */
  readonly remote: string;
  /** When it was added. UTC, ISO 8601 with milliseconds. */
  readonly created: string;
}

/**
 * Decodes the record of an image strictly.
 * @throws RecordError (RECORD_INVALID) that names the file and the place in it
 */
export function decodeVaultRecord(place: JsonPlace): VaultRecord {
  const { id, release, os, version, query, lineage, migratedFrom } = decodeImageRecord(place);
  return {
    id,
    release,
    os,
    version,
    query,
    lineage,
    migratedFrom,
    aliases: place
      .key('aliases')
      .items()
      .map((alias) => alias.string()),
    remote: place.key('remote').string(),
    created: place.key('created').string(),
    ...place.unknownKeys([
      ...['id', 'release', 'os', 'version', 'query', 'lineage', 'migratedFrom'],
      ...['aliases', 'remote', 'created'],
    ]),
  };
}

/** What is known of an image when it is added. */
export interface NewVaultRecord {
  readonly id: string;
  readonly query: ImageQuery;
  readonly release?: string;
  readonly os?: string;
  readonly version?: string;
  readonly aliases?: readonly string[];
  readonly remote?: string;
}

export function newVaultRecord(known: NewVaultRecord): VaultRecord {
  return {
    release: '',
    os: '',
    version: '',
    aliases: [],
    remote: '',
    ...known,
    lineage: null,
    migratedFrom: null,
    created: new Date().toISOString(),
  };
}

/** What an instance that is made of the image gets, asked for as `query`. */
export function instanceRecord(record: VaultRecord, query: ImageQuery): ImageRecord {
  const { id, release, os, version } = record;
  return { id, release, os, version, query, lineage: null, migratedFrom: null };
}
