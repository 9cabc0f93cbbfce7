import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { fromSystemError, MultipassError } from '../../errors.js';
import { digestOf, type Digest } from '../../files/digest.js';
import { registryFailed } from '../../registry/registry-error.js';
import type { WritableRepository } from '../../registry/writable-repository.js';
import type { Packing } from './chunk-carrier.js';
import type { ExportDisk } from './export-disks.js';
import type { Chunk } from './manifest.js';
import type { RegistryCarrier } from './registry-carrier.js';

/** A manifest that is to be published, and what it names. */
export interface PublishManifestRequest {
  readonly repository: WritableRepository;
  readonly carrier: RegistryCarrier;
  readonly files: readonly ExportDisk[];
  readonly chunks: readonly Chunk[];
  readonly config: Buffer;
  /** Tries to. @returns the bytes of the manifest, and the blobs that the registry has not */
  readonly publish: (chunks: readonly Chunk[]) => Promise<{ bytes: Buffer; missing: Digest[] }>;
}

const MOST_ROUNDS = 3;

/**
 * Publishes a manifest. Nobody asks for each blob whether it is still there: the registry says which are not, for it
 * may have removed what nothing named, and those are sent again.
 * @throws MultipassError REGISTRY_FAILED, INSTANCE_CHANGED, ABORTED, …
 */
export async function publishManifest(
  request: PublishManifestRequest,
): Promise<{ manifest: Buffer; chunks: readonly Chunk[] }> {
  const { repository, config, publish } = request;
  let { chunks } = request;
  for (let round = 1; ; round += 1) {
    const { bytes, missing } = await publish(chunks);
    if (missing.length === 0) return { manifest: bytes, chunks };
    if (round >= MOST_ROUNDS) {
      throw registryFailed(repository.host, `it has not ${missing.join(', ')}, which was sent`);
    }
    chunks = await sendAgain(request, chunks, new Set(missing));
    if (missing.includes(digestOf(config))) await repository.upload(config, digestOf(config));
  }
}

async function sendAgain(
  { carrier, files }: PublishManifestRequest,
  chunks: readonly Chunk[],
  missing: ReadonlySet<Digest>,
): Promise<Chunk[]> {
  // The same bytes may be packed otherwise now: all chunks of this content name the new blob.
  const again = new Map<Digest, Packing>();
  for (const chunk of chunks) {
    if (!missing.has(chunk.digest) || again.has(chunk.content)) continue;
    const plain = await readChunk(chunk, files);
    again.set(chunk.content, await carrier.sendAgain(plain));
  }
  return chunks.map((chunk) => ({ ...chunk, ...again.get(chunk.content) }));
}

async function readChunk(
  { file, offset, size, content }: Chunk,
  files: readonly ExportDisk[],
): Promise<Buffer> {
  const path = files.find(({ name }) => name === file)?.path ?? '';
  const plain = Buffer.alloc(size);
  try {
    await using handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    for (let at = 0; at < size;) {
      const { bytesRead } = await handle.read(plain, at, size - at, offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
  } catch (error) {
    throw fromSystemError(error, 'read the disk', path);
  }
  if (digestOf(plain) === content) return plain;
  throw new MultipassError('INSTANCE_CHANGED', `"${path}" changed while it was being read`, {
    hint: 'See that nothing else writes to it, then try again.',
    details: { path },
  });
}
