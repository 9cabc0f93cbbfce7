import type { Digest } from '../../files/digest.js';
import type { Work } from '../../work.js';
import { chunkSize } from './chunk-size.js';
import type { ChunkWriter } from './chunk-writer.js';
import type { ExportDisk } from './export-disks.js';
import type { Chunk } from './manifest.js';
import type { TravelFile } from './travel-config.js';

/** Files that are handed to a carrier, and what travels of them. */
export interface WriteFilesRequest {
  readonly files: readonly ExportDisk[];
  readonly travelling: readonly TravelFile[];
  /** The size of the chunks that a file had when it last travelled, so that they are the same again. */
  readonly usualSize?: ((file: string) => number | undefined) | undefined;
  /** A file that need not be read: its chunks of at least this size are handed over already. */
  readonly unread?: ((file: string, least: number) => Promise<UnreadFile | undefined>) | undefined;
  readonly work: Work;
}

/** A file of which it is known what is in it. */
export interface UnreadFile {
  readonly digest: Digest;
  readonly chunks: readonly Chunk[];
}

/** Hands over all files that travel. @returns the digest of each, by its name */
export async function writeFiles(
  chunks: ChunkWriter,
  { files, travelling, usualSize, unread, work }: WriteFilesRequest,
): Promise<Map<string, Digest>> {
  const going = files.filter((_, index) => travelling[index]?.kept === null);
  const total = going.reduce((sum, { size }) => sum + size, 0);
  const digests = new Map<string, Digest>();
  let before = 0;
  for (const file of going) {
    const kind = file === files[0] ? 'head' : 'base';
    const size = chunkSize(kind, file.size, total);
    const known = kind === 'base' ? await unread?.(file.name, size) : undefined;
    if (known !== undefined) {
      chunks.chunks.push(...known.chunks);
      digests.set(file.name, known.digest);
      before += file.size;
      work.advance(before / Math.max(1, total));
      continue;
    }
    // A finer cut than is needed would make more of them than a manifest may have.
    const usual = kind === 'base' ? (usualSize?.(file.name) ?? size) : size;
    const chunked = { ...file, chunkSize: Math.max(size, usual) };
    const advance = (bytes: number): void => work.advance((before + bytes) / Math.max(1, total));
    digests.set(file.name, await chunks.write(chunked, { work, advance }));
    before += file.size;
  }
  return digests;
}
