/** What file systems have their holes in. */
const BLOCK = 4096;
const ZEROS = Buffer.alloc(BLOCK);

/**
 * The parts of bytes that are not zero, in blocks of 4 KiB, neighbours together: what has to be written of them into a
 * new file, whose holes read as zeros.
 */
export function* partsWithData(data: Buffer): Generator<[start: number, end: number]> {
  const isHole = (start: number): boolean => {
    const block = data.subarray(start, start + BLOCK);
    return block.equals(ZEROS.subarray(0, block.length));
  };
  for (let start = 0; start < data.length; start += BLOCK) {
    if (isHole(start)) continue;
    const begin = start;
    while (start + BLOCK < data.length && !isHole(start + BLOCK)) start += BLOCK;
    yield [begin, Math.min(start + BLOCK, data.length)];
  }
}
