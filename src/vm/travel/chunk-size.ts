const MIB = 1024 ** 2;
const LEAST = 4 * MIB;
/** Heads change, and little of them at a time; up to this size a finer cut is worth its descriptors. */
const SMALL_HEAD = 1024 * MIB;
/** How many chunks an artifact has at most: each has some 400 bytes in its manifest, and that at most 4 MiB. */
const MOST_CHUNKS = 8000;

/**
 * How large the chunks of a file are, in bytes: 4 MiB, for a head of at most 1 GiB 1 MiB, and the next power of two
 * where all files together would come to more than 8,000 of them.
 * @param size of the file
 * @param total of all files of the artifact
 */
export function chunkSize(kind: 'head' | 'base', size: number, total: number): number {
  let chunk = LEAST;
  while (total / chunk > MOST_CHUNKS) chunk *= 2;
  return kind === 'head' && size <= SMALL_HEAD && chunk === LEAST ? MIB : chunk;
}
