import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { chunkSize } from '../../../src/vm/travel/chunk-size.js';
import { compress, decompress } from '../../../src/vm/travel/compression.js';
import { COMPRESSIONS } from '../../../src/vm/travel/compression-names.js';

const MIB = 1024 ** 2;

it.for(COMPRESSIONS)(
  'what %s has packed comes out as it was, and in no other size',
  async (compression) => {
    for (const plain of [randomBytes(100_000), Buffer.alloc(3 * MIB), Buffer.from('x')]) {
      const packed = await compress(compression, plain);
      expect((await decompress(compression, packed, plain.length)).equals(plain)).toBe(true);
      await expect(decompress(compression, packed, plain.length - 1)).rejects.toThrow();
      await expect(decompress(compression, packed, plain.length + 1)).rejects.toThrow();
    }
  },
);

it.for(COMPRESSIONS)('%s of something else is refused', async (compression) => {
  await expect(decompress(compression, randomBytes(1000), 5000)).rejects.toThrow();
  await expect(decompress(compression, Buffer.alloc(0), 5000)).rejects.toThrow();
});

it.for(['zstd', 'gzip'] as const)('%s never unpacks more than is expected', async (compression) => {
  const bomb = await compress(compression, Buffer.alloc(256 * MIB));
  expect(bomb.length).toBeLessThan(2 * MIB);
  await expect(decompress(compression, bomb, 4096)).rejects.toThrow();
});

it('chunks are as small as 8,000 of them allow', () => {
  expect(chunkSize('head', 10 * MIB, 600 * MIB)).toBe(MIB);
  expect(chunkSize('head', 2048 * MIB, 2048 * MIB)).toBe(4 * MIB);
  expect(chunkSize('base', 10 * MIB, 600 * MIB)).toBe(4 * MIB);
  expect(chunkSize('base', 100 * 1024 * MIB, 100 * 1024 * MIB)).toBe(16 * MIB);
  expect(chunkSize('head', 10 * MIB, 100 * 1024 * MIB)).toBe(16 * MIB);
});
