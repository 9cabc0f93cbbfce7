import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { followName } from '../../../src/vm/run/follow-name.js';
import { leftovers } from '../../support/sound-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';

function seedOf(path: string): Record<string, string> {
  return Object.fromEntries(
    (readSeed(path) ?? []).map(({ name, data }) => [name, data.toString('utf8')]),
  );
}

describe('followName', () => {
  test('makes the hostname of the seed that of the folder, and keeps the rest', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web');
    const before = seedOf(dir.seed);
    const renamed = layout.instance('shop');
    await rename(dir.path, renamed.path);
    await followName(layout, renamed);
    const after = seedOf(renamed.seed);
    expect(after['meta-data']).toContain('local-hostname: shop');
    expect(after['meta-data']).toContain('instance-id: web');
    expect({ ...after, 'meta-data': '' }).toEqual({ ...before, 'meta-data': '' });
    expect((await stat(renamed.seed)).mode & 0o777).toBe(0o600);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('writes nothing when the name is right, and where there is no seed', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web');
    const { ino } = await stat(dir.seed);
    await followName(layout, dir);
    expect((await stat(dir.seed)).ino).toBe(ino);
    await rm(dir.seed);
    await followName(layout, dir);
    await expect(stat(dir.seed)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('fails on a seed that cannot be read, and leaves it', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web');
    await writeFile(dir.seed, 'this is no CD');
    await expect(followName(layout, dir)).rejects.toMatchObject({ code: 'ISO_INVALID' });
    expect((await stat(dir.seed)).size).toBe(13);
    expect(await leftovers(layout)).toEqual([]);
  });
});
