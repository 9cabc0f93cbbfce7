import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { instanceEntryNames, visitInstances } from '../../src/store/listing.js';
import { test } from '../support/store-fixture.js';

describe('visitInstances', () => {
  test('visits each entry once, whatever it is, but hidden ones', async ({ store: { layout } }) => {
    await mkdir(join(layout.instances, 'a'));
    await writeFile(join(layout.instances, 'b'), '');
    await writeFile(join(layout.instances, '.DS_Store'), '');
    const visited: string[] = [];
    await visitInstances(layout, (entry) => {
      visited.push(entry.name);
      return 'seen';
    });
    expect(visited.sort()).toEqual(['a', 'b']);
  });

  test('visits one too that came while it was at work, and none twice', async ({
    store: { layout },
  }) => {
    await mkdir(join(layout.instances, 'a'));
    const visited: string[] = [];
    await visitInstances(layout, (entry) => {
      visited.push(entry.name);
      mkdirSync(join(layout.instances, 'b'), { recursive: true });
      return 'seen';
    });
    expect(visited).toEqual(['a', 'b']);
  });

  test('looks again for one that vanished, under its new name', async ({ store: { layout } }) => {
    await mkdir(join(layout.instances, 'a'));
    const visited: string[] = [];
    await visitInstances(layout, (entry) => {
      visited.push(entry.name);
      if (entry.name !== 'a') return 'seen';
      renameSync(join(layout.instances, 'a'), join(layout.instances, 'b'));
      return 'vanished';
    });
    expect(visited).toEqual(['a', 'b']);
  });

  test('gives up after three rounds when the folder never rests', async ({ store: { layout } }) => {
    await mkdir(join(layout.instances, '0'));
    const visited: string[] = [];
    await visitInstances(layout, ({ name }) => {
      visited.push(name);
      renameSync(join(layout.instances, name), join(layout.instances, `${Number(name) + 1}`));
      return 'vanished';
    });
    expect(visited).toEqual(['0', '1', '2']);
  });

  test('lets others run while it goes through many', async ({ store: { layout } }) => {
    for (let number = 0; number < 600; number += 1) mkdirSync(join(layout.instances, `i${number}`));
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      immediate = setImmediate(turn);
    };
    let immediate = setImmediate(turn);
    let visits = 0;
    await visitInstances(layout, () => {
      visits += 1;
      return 'seen';
    });
    clearImmediate(immediate);
    expect(visits).toBe(600);
    expect(turns).toBeGreaterThan(0);
  });

  test('finds nothing in a store that is not there', async ({ store: { layout } }) => {
    await rm(layout.instances, { recursive: true });
    await visitInstances(layout, () => expect.unreachable());
    expect(instanceEntryNames(layout)).toEqual([]);
  });

  test('says what is wrong when the names cannot be read', async ({ store: { layout } }) => {
    await rename(layout.instances, `${layout.instances}-2`);
    await writeFile(layout.instances, 'a stray file');
    await expect(visitInstances(layout, () => 'seen')).rejects.toMatchObject({ code: 'IO_ERROR' });
  });
});
