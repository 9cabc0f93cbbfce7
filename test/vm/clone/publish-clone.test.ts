import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { StagedInstance } from '../../../src/store/staging.js';
import { publishClone } from '../../../src/vm/clone/publish-clone.js';
import { test } from '../../support/store-fixture.js';

describe('publishClone', () => {
  test('takes the next name, and writes the seed again, when another takes the first', async ({
    store,
  }) => {
    const { layout } = store;
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    await writeFile(staged.disk, 'copied once');
    const others = layout.instance('web-clone1');
    const name = await publishClone({
      layout,
      staged,
      sourceName: 'web',
      name: undefined,
      writeSeed: async (hostname) => {
        // After the names were looked at, and before the rename.
        if (hostname === others.name) {
          mkdirSync(others.path);
          writeFileSync(others.disk, 'of somebody else');
        }
        await writeFile(staged.seed, hostname);
      },
    });
    expect(name).toBe('web-clone2');
    expect(await readFile(layout.instance(name).seed, 'utf8')).toBe('web-clone2');
    expect(await readFile(layout.instance(name).disk, 'utf8')).toBe('copied once');
    expect(await readFile(others.disk, 'utf8')).toBe('of somebody else');
  });
});
