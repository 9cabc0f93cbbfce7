import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MultipassError } from '../../../src/errors.js';
import { TarReader } from '../../../src/files/tar/tar-reader.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { purgeInstance } from '../../../src/vm/delete-instance.js';
import { decodeIndex, decodeManifest } from '../../../src/vm/travel/manifest.js';
import { decodeTravelConfig } from '../../../src/vm/travel/travel-config.js';
import { makeInstance } from '../../support/store-fixture.js';
import { takeApart, type ForgedArchive } from './forged-archive.js';
import { areSame, exported, imported, inPieces } from './support.js';

let folder: string;
let home: StoreLayout;
let archive: Buffer;
let parts: ForgedArchive;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'multipass-ts-fuzz-'));
  home = new StoreLayout(join(folder, 'home'));
  await initialiseStore(home);
  await makeInstance(home, 'web', { data: 0, thin: true });
  ({ archive } = await exported(home, 'web', { compression: 'gzip', keepIdentity: true }));
  parts = await takeApart(archive);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Numbers that look like chance and are the same each time (xorshift32). */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Bytes with a few of them changed, put in, or taken out; headers are hit as often as the rest. */
function spoilt(bytes: Buffer, next: (below: number) => number): Buffer {
  let result = Buffer.from(bytes);
  for (let times = 1 + next(3); times > 0; times -= 1) {
    const at =
      next(2) === 0 ? next(result.length) : next(Math.max(1, result.length >> 9)) * 512 + next(512);
    switch (next(4)) {
      case 0:
        result = result.subarray(0, at);
        break;
      case 1:
        result = Buffer.concat([
          result.subarray(0, at),
          Buffer.alloc(next(600), next(256)),
          result.subarray(at),
        ]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + next(600))]);
        break;
      default:
        if (at < result.length) result[at] = next(256);
    }
    if (result.length === 0) return result;
  }
  return result;
}

it('a tar archive of any bytes is read or refused', async () => {
  const next = chance(1);
  let refused = 0;
  const small = archive.subarray(0, 40_000);
  for (let round = 0; round < 1500; round += 1) {
    const unfit = (problem: string): Error =>
      new MultipassError('ARTIFACT_INVALID', problem, { hint: 'x' });
    const tar = new TarReader(inPieces(spoilt(small, next), 1 + next(5000)), {
      unfit,
      limits: { entries: 100 },
    });
    try {
      for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
        expect(entry.size).toBeGreaterThanOrEqual(0);
        if (next(2) === 0) await tar.body(1024 ** 2);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(MultipassError);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});

const STRANGE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  2 ** 53,
  1e308,
  '',
  '..',
  '/etc/passwd',
  '\0',
  'x'.repeat(5000),
  [],
  {},
  [[]],
  { __proto__: null, constructor: 1 },
];

/** A value with one thing in it replaced by something strange, taken out, or there twice. */
function strange(value: unknown, next: (below: number) => number): unknown {
  const isLeaf = typeof value !== 'object' || value === null || next(5) === 0;
  if (isLeaf) return STRANGE[next(STRANGE.length)];
  if (Array.isArray(value)) {
    if (value.length === 0 || next(4) === 0)
      return [...(value as unknown[]), ...(value as unknown[])];
    const at = next(value.length);
    return value.map((item: unknown, index) => (index === at ? strange(item, next) : item));
  }
  const keys = Object.keys(value);
  const key = keys[next(Math.max(1, keys.length))] ?? '';
  const entries = Object.entries(value as Record<string, unknown>);
  if (next(6) === 0) return Object.fromEntries(entries.filter(([name]) => name !== key));
  return Object.fromEntries(
    entries.map(([name, item]) => [name, name === key ? strange(item, next) : item]),
  );
}

it.for([
  ['config', () => parts.config as unknown, decodeTravelConfig],
  ['manifest', () => parts.manifest as unknown, decodeManifest],
  ['index', () => parts.index as unknown, decodeIndex],
] as const)('a strange %s is decoded or refused', ([, value, decode]) => {
  const next = chance(7);
  let refused = 0;
  for (let round = 0; round < 3000; round += 1) {
    const text = JSON.stringify(strange(value(), next));
    const data = next(10) === 0 ? spoilt(Buffer.from(text), next) : Buffer.from(text);
    try {
      decode(data, 'web.tar');
    } catch (error) {
      expect(error, text.slice(0, 200)).toBeInstanceOf(MultipassError);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(500);
});

it('a spoilt archive is imported as it was or leaves nothing', async () => {
  const next = chance(99);
  const other = new StoreLayout(join(folder, 'other'));
  await initialiseStore(other);
  let refused = 0;
  for (let round = 0; round < 120; round += 1) {
    try {
      await imported(other, spoilt(archive, next));
      expect(await areSame(home.instance('web').disk, other.instance('web').disk)).toBe(true);
      await purgeInstance(other, 'web');
    } catch (error) {
      expect(error).toBeInstanceOf(MultipassError);
      refused += 1;
    }
    expect(await readdir(other.staging)).toEqual([]);
    expect(await readdir(other.instances)).toEqual([]);
    expect(await readdir(other.macs)).toEqual([]);
  }
  expect(refused).toBeGreaterThan(60);
});
