const SUM = { at: 148, length: 8 };

/** Whether a block is a header of a tar archive: of POSIX or GNU, with the right sum. */
export function isTarHeader(block: Buffer): boolean {
  if (block.toString('latin1', 257, 262) !== 'ustar') return false;
  return octalOf(block, SUM.at, SUM.length) === sumOf(block);
}

/** The sum of all bytes of a header, those of the sum itself taken for blanks. */
export function sumOf(block: Buffer): number {
  let sum = 0;
  for (const [at, byte] of block.entries()) {
    sum += at >= SUM.at && at < SUM.at + SUM.length ? 0x20 : byte;
  }
  return sum;
}

/** An octal number of a header; undefined when it is none. */
export function octalOf(block: Buffer, at: number, length: number): number | undefined {
  const digits = /^ *([0-7]{1,12})[\0 ]*$/.exec(block.toString('latin1', at, at + length))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** A text of a header, up to its end. */
export function textOf(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end);
}
