import type { Random } from './random.js';

/** Numbers at the ends of what fits into so many bytes, and right beside them. */
const INTERESTING: Readonly<Record<1 | 2 | 4 | 8, readonly bigint[]>> = {
  1: [0n, 1n, 0x20n, 0x7fn, 0x80n, 0xffn],
  2: [0n, 1n, 0x7fffn, 0x8000n, 0xffffn, 0x0100n],
  4: [0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x10_000n, 0x100n],
  8: [0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 53n, 2n ** 53n - 1n, 2n ** 32n],
};
const WIDTHS = [1, 2, 4, 8] as const;
const LONGEST = 256 * 1024;

type Change = (input: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const flipBit: Change = (input, random) => {
  const changed = Buffer.from(input);
  const at = random.below(input.length);
  changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
  return changed;
};

const setByte: Change = (input, random) => {
  const changed = Buffer.from(input);
  changed[random.below(input.length)] = random.below(256);
  return changed;
};

const addToByte: Change = (input, random) => {
  const changed = Buffer.from(input);
  const at = random.below(input.length);
  changed[at] = ((changed[at] ?? 0) + random.pick([1, 255, 2, 254, 16, 240])) & 0xff;
  return changed;
};

/** In either order of bytes, at a place that such numbers stand at. */
const setNumber: Change = (input, random) => {
  const width = random.pick(WIDTHS);
  if (input.length < width) return input;
  const bytes = Buffer.alloc(8);
  const near = random.chance(0.3) ? BigInt(input.length + random.below(5) - 2) : undefined;
  bytes.writeBigUInt64BE(BigInt.asUintN(64, near ?? random.pick(INTERESTING[width])));
  const own = bytes.subarray(8 - width);
  if (random.chance(0.5)) own.reverse();
  const changed = Buffer.from(input);
  own.copy(changed, random.below(Math.floor((input.length - width) / width) + 1) * width);
  return changed;
};

const cutOff: Change = (input, random) => input.subarray(0, random.below(input.length));

const removePart: Change = (input, random) => {
  const start = random.below(input.length);
  const end = start + 1 + random.small(input.length - start);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
};

const doublePart: Change = (input, random) => {
  const start = random.below(input.length);
  const part = input.subarray(start, start + 1 + random.small(input.length - start));
  const at = random.chance(0.5) ? start : random.below(input.length);
  const times = random.chance(0.1) ? random.below(64) : 1;
  return Buffer.concat([
    input.subarray(0, at),
    ...Array.from({ length: times }, () => part),
    input.subarray(at),
  ]);
};

const movePart: Change = (input, random) => {
  const changed = Buffer.from(input);
  const [from, to] = [random.below(input.length), random.below(input.length)];
  input.copy(changed, to, from, from + 1 + random.small(input.length - from));
  return changed;
};

const fillPart: Change = (input, random) => {
  const start = random.below(input.length);
  const changed = Buffer.from(input);
  const end = start + 1 + random.small(input.length - start);
  changed.fill(random.pick([0, 0xff, 0x20, 0x41]), start, end);
  return changed;
};

const splice: Change = (input, random, others) => {
  const other = random.pick(others);
  const from = random.below(other.length);
  return Buffer.concat([input.subarray(0, random.below(input.length)), other.subarray(from)]);
};

const CHANGES = [
  ...[flipBit, flipBit, setByte, addToByte, setNumber, setNumber, setNumber],
  ...[cutOff, removePart, doublePart, movePart, fillPart, splice],
];

/** Changes bytes without knowing what they mean. @param words are put in their places as they are, too */
export function mutateBytes(
  input: Buffer,
  random: Random,
  { others, words }: { readonly others: readonly Buffer[]; readonly words: readonly string[] },
): Buffer {
  if (input.length === 0) return Buffer.from([random.below(256)]);
  if (words.length > 0 && random.chance(0.1)) return writeWord(input, random, random.pick(words));
  const changed = random.pick(CHANGES)(input, random, others.length === 0 ? [input] : others);
  return changed.length > Math.max(LONGEST, input.length) ? changed.subarray(0, LONGEST) : changed;
}

function writeWord(input: Buffer, random: Random, word: string): Buffer {
  const at = random.below(input.length);
  const behind = random.chance(0.5) ? at : at + Buffer.byteLength(word);
  return Buffer.concat([input.subarray(0, at), Buffer.from(word), input.subarray(behind)]);
}
