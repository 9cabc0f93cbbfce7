import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const hostnameIn = (seed: string): string | undefined =>
  /local-hostname: (\S+)/.exec(readFileSync(seed, 'latin1'))?.[1];

describe('several clones whose names are taken before they are visible', () => {
  test('have their seeds written anew beside the old ones, which a kill would leave whole', async ({
    root,
    store: { layout },
  }) => {
    await makeInstance(layout, 'web');
    const kept = join(root, 'kept');
    mkdirSync(kept);
    let isOver = false;
    /** Takes the names once a seed has one, and gives each seed another name, by which it is there once replaced. */
    const meddle = async (): Promise<void> => {
      while (!isOver) {
        for (const token of readdirSync(layout.staging)) {
          const seed = join(layout.staged(token), 'cloud-init-config.iso');
          if (!existsSync(seed) || existsSync(join(kept, token))) continue;
          linkSync(seed, join(kept, token));
          for (const name of ['web-clone1', 'web-clone2']) {
            mkdirSync(layout.instance(name).path, { recursive: true });
            writeFileSync(join(layout.instance(name).path, 'mine'), '');
          }
        }
        await turn();
      }
    };
    const meddling = meddle();
    const { clones } = await cloneInstance({ layout, source: 'web', count: 2 });
    isOver = true;
    await meddling;
    const names = clones.map(({ name }) => name);
    expect(names).toEqual(['web-clone3', 'web-clone4']);
    expect(names.map((name) => hostnameIn(layout.instance(name).seed))).toEqual(names);
    const before = readdirSync(kept).map((token) => hostnameIn(join(kept, token)));
    expect(before.sort()).toEqual(['web-clone1', 'web-clone2']);
    expect(readdirSync(layout.staging)).toEqual([]);
  });
});
