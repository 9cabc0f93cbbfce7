import type { Chunk } from './manifest.js';
import type { TravelFile } from './travel-config.js';

/** What chunks are held against. */
export interface ChunkRules {
  /** Those whose content travels. */
  readonly files: readonly TravelFile[];
  /** Is told what is wrong, and throws. */
  readonly fail: (problem: string) => never;
}

/** The chunks of a manifest, file by file and in order: each within its file, and none over another. */
export function chunksByFile(chunks: readonly Chunk[], { files, fail }: ChunkRules): Chunk[] {
  const byFile = new Map<string, Chunk[]>(files.map(({ name }) => [name, []]));
  for (const chunk of chunks) byFile.get(chunk.file)?.push(chunk);
  const ordered = files.flatMap(({ name, size }) => {
    const own = (byFile.get(name) ?? []).toSorted((a, b) => a.offset - b.offset);
    let end = 0;
    for (const chunk of own) {
      if (chunk.offset < end) fail(`two chunks of it overlap in "${name}"`);
      end = chunk.offset + chunk.size;
      if (end > size) fail(`a chunk of it is beyond the end of "${name}"`);
    }
    return own;
  });
  if (ordered.length < chunks.length) fail('it has chunks of other files than its config names');
  return ordered;
}

/** Whether two are the same chunk in the same place. */
export function sameChunk(one: Chunk, other: Chunk): boolean {
  return (
    one.file === other.file &&
    one.offset === other.offset &&
    one.size === other.size &&
    one.compression === other.compression &&
    one.digest === other.digest &&
    one.packed === other.packed &&
    one.content === other.content
  );
}
