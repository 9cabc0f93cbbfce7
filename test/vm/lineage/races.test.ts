import { describe, expect } from 'vitest';
import { test } from '../../support/worker-fixture.js';
import { race } from './races.js';

describe('processes that clone, rename, flatten and purge one family', () => {
  // Thousands of rounds, and with killed processes: races.long.ts.
  test('lose no byte of it', async ({ store, start }) => {
    const done = await race(store.layout, start, { workers: 3, rounds: 12 });
    expect(Object.keys(done)).toEqual(expect.arrayContaining(['link', 'purge']));
  }, 300_000);
});
