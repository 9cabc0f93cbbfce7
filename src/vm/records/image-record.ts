import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';
import { decodeUuid } from './spec.js';

/** How the bytes of a disk came here. */
export type CopyStrategy = 'reflink' | 'copy' | 'convert' | 'linked' | 'live' | 'move';

/** What a record may name. */
export type RecordedStrategy = CopyStrategy;

/** The same, as a list. @public */
export const RECORDED_STRATEGIES: readonly RecordedStrategy[] = [
  'reflink',
  'copy',
  'convert',
  'linked',
  'move',
  'live',
];

/** What the user asked an image server for. */
export interface ImageQuery extends WithUnknownKeys {
  /** An alias or release, a file, or a URL, exactly as asked. */
  readonly release: string;
  /** Name of the image server's remote; '' for the default one. */
  readonly remote: string;
  /** What `release` is. */
  readonly type: 'alias' | 'file' | 'http';
}

/** Which instance a clone was made from. By uuid, because names move; the name is what it was then. */
export interface Lineage extends WithUnknownKeys {
  /** The uuid of the source. */
  readonly sourceUuid: string;
  /** What the source was called when it was cloned. */
  readonly sourceName: string;
  /** Name of the snapshot that was cloned, or null for the active state. */
  readonly snapshot: string | null;
  /** UTC, ISO 8601 with milliseconds. */
  readonly created: string;
  /** How the disk was copied. */
  readonly strategy: RecordedStrategy;
}

/**
 * What tells whether a legacy disk has changed since it was migrated. Decimal strings, for nanoseconds exceed a
 * double.
 */
export interface MigratedDisk extends WithUnknownKeys {
  /** In decimal. */
  readonly inode: string;
  /** Bytes, in decimal. */
  readonly size: string;
  /** When it was changed last: nanoseconds since 1970, in decimal. */
  readonly mtimeNs: string;
}

/** Which legacy instance this one was migrated from. */
export interface MigrationOrigin extends WithUnknownKeys {
  /** What it was called there. */
  readonly name: string;
  /** The MAC of its default interface in the legacy data, or null when that was not known. */
  readonly mac: string | null;
  /** Which file its disk was. */
  readonly disk: MigratedDisk;
  /** UTC, ISO 8601 with milliseconds. */
  readonly created: string;
}

/** Where an instance's disk came from: `image-record.json`. */
export interface ImageRecord extends WithUnknownKeys {
  /** Hash or other identifier of the image; '' when it is not known. */
  readonly id: string;
  /** Release title such as `24.04 LTS`; '' when it is not known. */
  readonly release: string;
  /** `Ubuntu`, `Debian`, …; '' when it is not known. */
  readonly os: string;
  /** Version of the image on its server, such as `20260518`; '' when it is not known. */
  readonly version: string;
  /** What the user asked for. */
  readonly query: ImageQuery;
  /** What it was cloned from; null for an instance that is no clone. */
  readonly lineage: Lineage | null;
  /** What it was in an old Multipass; null for one that was not migrated. */
  readonly migratedFrom: MigrationOrigin | null;
}

const RECORD_KEYS = ['id', 'release', 'os', 'version', 'query', 'lineage', 'migratedFrom'];
const LINEAGE_KEYS = ['sourceUuid', 'sourceName', 'snapshot', 'created', 'strategy'];

/**
 * Decodes `image-record.json` strictly.
 * @throws RecordError (RECORD_INVALID) that names the file and the place in it
 */
export function decodeImageRecord(place: JsonPlace): ImageRecord {
  const lineage = place.key('lineage');
  const origin = place.key('migratedFrom');
  return {
    id: place.key('id').string(),
    release: place.key('release').string(),
    os: place.key('os').string(),
    version: place.key('version').string(),
    query: decodeQuery(place.key('query')),
    lineage: lineage.isAbsent() ? null : decodeLineage(lineage),
    migratedFrom: origin.isAbsent() ? null : decodeOrigin(origin),
    ...place.unknownKeys(RECORD_KEYS),
  };
}

function decodeQuery(place: JsonPlace): ImageQuery {
  return {
    release: place.key('release').string(),
    remote: place.key('remote').string(),
    type: place.key('type').oneOf(['alias', 'file', 'http']),
    ...place.unknownKeys(['release', 'remote', 'type']),
  };
}

function decodeLineage(place: JsonPlace): Lineage {
  const snapshot = place.key('snapshot');
  return {
    sourceUuid: decodeUuid(place.key('sourceUuid')),
    sourceName: place.key('sourceName').string(),
    snapshot: snapshot.isAbsent() ? null : snapshot.string(),
    created: place.key('created').string(),
    strategy: place.key('strategy').oneOf(RECORDED_STRATEGIES),
    ...place.unknownKeys(LINEAGE_KEYS),
  };
}

function decodeOrigin(place: JsonPlace): MigrationOrigin {
  const mac = place.key('mac');
  return {
    name: place.key('name').string(),
    mac: mac.isAbsent() ? null : mac.string(),
    disk: decodeMigratedDisk(place.key('disk')),
    created: place.key('created').string(),
    ...place.unknownKeys(['name', 'mac', 'disk', 'created']),
  };
}

function decodeMigratedDisk(place: JsonPlace): MigratedDisk {
  return {
    inode: place.key('inode').string(),
    size: place.key('size').string(),
    mtimeNs: place.key('mtimeNs').string(),
    ...place.unknownKeys(['inode', 'size', 'mtimeNs']),
  };
}
