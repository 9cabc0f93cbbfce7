import { COMPRESSIONS, type Compression } from './compression-names.js';

/** What makes a manifest one of ours. */
export const INSTANCE_TYPE = 'application/vnd.multipass-ts.instance.v1';
export const CONFIG_TYPE = 'application/vnd.multipass-ts.instance.config.v1+json';
const CHUNK_TYPE = 'application/vnd.multipass-ts.chunk.v1';

/** Annotations of a chunk: which bytes of which file it is, and their digest before they were compressed. */
export const CHUNK = {
  file: 'io.multipass-ts.file',
  offset: 'io.multipass-ts.offset',
  size: 'io.multipass-ts.size',
  content: 'io.multipass-ts.content',
} as const;

/** The annotation of a manifest that has the SHA-256 of a whole file, behind it the file's name. */
export const WHOLE_FILE = 'io.multipass-ts.sha256.';
/** Of a manifest: the size of the guest's disk in bytes. */
export const VIRTUAL_SIZE = 'io.multipass-ts.virtual-size';
/** Of a descriptor in an index that has several: which one is the instance. */
export const ROLE = { key: 'io.multipass-ts.role', instance: 'instance' } as const;

/** The media type of a chunk. */
export function chunkType(compression: Compression): string {
  return compression === 'none' ? CHUNK_TYPE : `${CHUNK_TYPE}+${compression}`;
}

/** How a chunk of a media type is compressed; undefined for what is no chunk. */
export function compressionOf(mediaType: string): Compression | undefined {
  return COMPRESSIONS.find((compression) => chunkType(compression) === mediaType);
}

/** The disk of KubeVirt's export (VEP 256), and what is behind that tells how it is packed. */
export const KUBEVIRT_DISK = /^application\/vnd\.kubevirt\.disk\.(raw|qcow2)(?:\+(?:zstd|gzip))?$/;
