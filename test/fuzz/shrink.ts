const MOST_TRIES = 600;

/** Leaves out of an input what is not needed for what it shows. */
export async function shrink(
  input: Buffer,
  shows: (smaller: Buffer) => Promise<boolean>,
): Promise<Buffer> {
  let least = input;
  let tries = 0;
  for (let length = least.length >> 1; length > 0 && tries < MOST_TRIES; length >>= 1) {
    for (let at = 0; at < least.length && tries < MOST_TRIES; tries += 1) {
      const smaller = Buffer.concat([least.subarray(0, at), least.subarray(at + length)]);
      if (await shows(smaller)) least = smaller;
      else at += length;
    }
  }
  return least;
}
