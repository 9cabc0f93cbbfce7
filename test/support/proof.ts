import { open, rm } from 'node:fs/promises';
import { run } from '../../src/process/run.js';

/**
 * The proof that a copy of a disk is of one moment. A guest writes block 1, 2, 3, … one after the other, past its
 * cache, each at a place of its own and round and round, so that what it overwrites lies in layers below. A disk is of
 * one moment if what it shows is what it showed after some block: an exact prefix.
 */
const PLACES = 512;
/** Odd, so every place is come to. */
const STRIDE = 229;
const BLOCK = 4096;
const MARK = 'PROOF ';

const placeOf = (block: number): number => (block * STRIDE) % PLACES;

/** Lines of shell that make the file `proof` in the user's folder, every byte of it written. */
export const PREPARE_PROOF = `dd if=/dev/zero of=proof bs=${BLOCK} count=${PLACES} 2>/dev/null && sync`;

/** Lines of shell that write, and leave the processor to others now and then, until there is a file `enough`, and leaves the number of the last block in `last`. */
export const WRITE_PROOF = `n=0
while [ ! -e enough ]; do
  n=$((n + 1))
  printf '${MARK}%-${BLOCK - MARK.length - 1}d\\n' $n |
    dd of=proof bs=${BLOCK} seek=$((n * ${STRIDE} % ${PLACES})) oflag=direct conv=notrunc iflag=fullblock 2>/dev/null || exit
  [ $((n % 64)) != 0 ] || sync
  [ $((n % 4)) != 0 ] || sleep 0.1
done
echo $n >last
sync`;

/**
 * What a disk, which nobody writes to, holds of the proof.
 * @returns the last block: all up to that one are there, and none after it
 * @throws Error naming the first place that holds something else
 */
export async function provenUpTo(disk: string): Promise<number> {
  const found = await blocksIn(disk);
  const last = Math.max(0, ...found);
  const expected = new Set<number>();
  for (let block = last; block > 0 && block > last - PLACES; block -= 1) expected.add(block);
  const missing = [...expected].filter((block) => !found.has(block));
  const wrong = [...found].filter((block) => !expected.has(block));
  if (missing.length === 0 && wrong.length === 0) return last;
  const places = missing.slice(0, 3).map(placeOf);
  throw new Error(
    `"${disk}" holds no prefix up to ${last}: ${missing.length} blocks are missing (places ${places.join()}), ` +
      `and ${wrong.length} are there that were overwritten`,
  );
}

/** The numbers of all whole blocks of the proof on a disk. @throws Error for one that is torn */
async function blocksIn(disk: string): Promise<Set<number>> {
  const raw = `${disk}.proof`;
  try {
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', disk, raw]);
    await using file = await open(raw);
    const found = new Set<number>();
    const piece = Buffer.alloc(BLOCK * 1024);
    for (let offset = 0; ;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, offset);
      if (bytesRead === 0) return found;
      for (let at = 0; at < bytesRead; at += BLOCK) {
        const block = piece.subarray(at, at + BLOCK);
        if (block.toString('latin1', 0, MARK.length) !== MARK) continue;
        const text = block.toString('latin1', MARK.length);
        if (!/^[1-9][0-9]* *\n$/.test(text)) throw new Error(`a torn block at byte ${offset + at}`);
        found.add(Number(text));
      }
      offset += bytesRead;
    }
  } finally {
    await rm(raw, { force: true });
  }
}
