import { OCI_INDEX, OCI_MANIFEST } from '../../registry/media-types.js';
import { JsonPlace } from '../../files/decoder.js';
import type { Compression } from './compression-names.js';
import { decodeDigest, isDigest, type Digest } from '../../files/digest.js';
import {
  CHUNK,
  chunkType,
  compressionOf,
  CONFIG_TYPE,
  INSTANCE_TYPE,
  ROLE,
  VIRTUAL_SIZE,
  WHOLE_FILE,
} from './media-types.js';

/** Which bytes of which file a chunk is. */
export interface ChunkPlace {
  readonly file: string;
  /** Bytes. */
  readonly offset: number;
  /** Bytes, before it was compressed. */
  readonly size: number;
  readonly compression: Compression;
}

/** A chunk: a blob, and the place it has in a file. A chunk of zeros there is none of. */
export interface Chunk extends ChunkPlace {
  /** Of the blob. */
  readonly digest: Digest;
  /** Bytes of the blob. */
  readonly packed: number;
  /** Digest of the plain bytes. */
  readonly content: Digest;
}

/** The manifest of an artifact. */
export interface TravelManifest {
  readonly config: BlobPlace;
  readonly chunks: readonly Chunk[];
  /** The SHA-256 of each file that travels, by its name. */
  readonly files: ReadonlyMap<string, Digest>;
}

/** A blob, as others name it. */
export interface BlobPlace {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** What a manifest that is to be read may have; the first number is that of registries, too. */
export const LARGEST_MANIFEST = 4 * 1024 ** 2;
const MOST_CHUNKS = 10_000;
/** What a chunk may have, in bytes, before it was compressed and after. */
export const LARGEST_CHUNK = 64 * 1024 ** 2;
export const LARGEST_BLOB = LARGEST_CHUNK + 1024 ** 2;

/** What a manifest is made of besides its chunks. */
export interface ManifestTexts {
  readonly title: string;
  /** UTC, ISO 8601. */
  readonly created: string;
  readonly virtualSize: number;
}

/** The bytes of a manifest; the inverse of {@link decodeManifest}. */
export function encodeManifest(manifest: TravelManifest, texts: ManifestTexts): Buffer {
  const { config, chunks, files } = manifest;
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: INSTANCE_TYPE,
      config: { mediaType: CONFIG_TYPE, ...config },
      layers: chunks.map((chunk) => ({
        mediaType: chunkType(chunk.compression),
        digest: chunk.digest,
        size: chunk.packed,
        annotations: {
          [CHUNK.file]: chunk.file,
          [CHUNK.offset]: String(chunk.offset),
          [CHUNK.size]: String(chunk.size),
          [CHUNK.content]: chunk.content,
        },
      })),
      annotations: {
        'org.opencontainers.image.title': texts.title,
        'org.opencontainers.image.created': texts.created,
        [VIRTUAL_SIZE]: String(texts.virtualSize),
        ...Object.fromEntries([...files].map(([name, digest]) => [WHOLE_FILE + name, digest])),
      },
    }),
  );
}

/** The bytes of an index that names one manifest. */
export function encodeIndex(manifest: BlobPlace): Buffer {
  const one = { mediaType: OCI_MANIFEST, ...manifest, artifactType: INSTANCE_TYPE };
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [one] }));
}

/**
 * Decodes the index of an archive: which of its manifests is an instance's. The role and the type that a descriptor
 * says of itself come before there being only one: copying programs drop what they do not know.
 * @throws RecordError
 */
export function decodeIndex(data: Buffer, origin: string): BlobPlace {
  const place = JsonPlace.parse(`${origin}: index.json`, data.toString('utf8'));
  const manifests = place.key('manifests').items(64);
  const isOurs = (one: JsonPlace): boolean => {
    const notes = one.key('annotations');
    if (!notes.isAbsent() && notes.key(ROLE.key).value === ROLE.instance) return true;
    return one.key('artifactType').value === INSTANCE_TYPE;
  };
  const found = manifests.find(isOurs) ?? manifests[0];
  if (found === undefined || (manifests.length > 1 && !isOurs(found))) {
    return place.key('manifests').fail('expected the manifest of an instance');
  }
  return decodeBlob(found, LARGEST_MANIFEST);
}

/** Decodes a manifest strictly. What it says of files is held against the config by the caller. @throws RecordError */
export function decodeManifest(data: Buffer, origin: string): TravelManifest {
  const place = JsonPlace.parse(`${origin}: manifest`, data.toString('utf8'));
  const type = place.key('config').key('mediaType');
  if (type.value !== CONFIG_TYPE) type.fail('it is not an instance of multipass-ts');
  return {
    config: decodeBlob(place.key('config'), LARGEST_BLOB),
    chunks: place.key('layers').items(MOST_CHUNKS).map(decodeChunk),
    files: decodeFiles(place.key('annotations')),
  };
}

function decodeChunk(layer: JsonPlace): Chunk {
  const notes = layer.key('annotations');
  const compression = compressionOf(layer.key('mediaType').string());
  if (compression === undefined) return layer.key('mediaType').fail('expected a chunk');
  const { digest, size: packed } = decodeBlob(layer, LARGEST_BLOB);
  const size = decodeNumber(notes.key(CHUNK.size));
  if (size < 1 || size > LARGEST_CHUNK) {
    notes.key(CHUNK.size).fail(`expected 1 to ${LARGEST_CHUNK} bytes`);
  }
  return {
    file: notes.key(CHUNK.file).string(),
    offset: decodeNumber(notes.key(CHUNK.offset)),
    size,
    compression,
    digest,
    packed,
    content: decodeDigest(notes.key(CHUNK.content)),
  };
}

function decodeBlob(place: JsonPlace, most: number): BlobPlace {
  const size = place.key('size');
  const blob = { digest: decodeDigest(place.key('digest')), size: size.integer(0) };
  return blob.size <= most ? blob : size.fail(`expected at most ${most} bytes`);
}

/** A number in an annotation, which is a text. */
function decodeNumber(place: JsonPlace): number {
  return Number(place.matching(/^(?:0|[1-9][0-9]{0,14})$/, 'a whole number'));
}

function decodeFiles(notes: JsonPlace): ReadonlyMap<string, Digest> {
  const files = new Map<string, Digest>();
  for (const [key, value] of Object.entries(notes.object())) {
    if (!key.startsWith(WHOLE_FILE)) continue;
    if (typeof value !== 'string' || !isDigest(value)) notes.key(key).fail('expected a digest');
    files.set(key.slice(WHOLE_FILE.length), value as Digest);
  }
  return files;
}
