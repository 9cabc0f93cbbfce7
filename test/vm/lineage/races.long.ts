import { describe, expect } from 'vitest';
import { test } from '../../support/worker-fixture.js';
import { race } from './races.js';

describe('processes that clone, rename, flatten and purge one family for long', () => {
  test('lose no byte of it', async ({ store, start }) => {
    const done = await race(store.layout, start, { workers: 4, rounds: 600 });
    const total = Object.values(done).reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThan(1200);
    expect(Object.keys(done)).toHaveLength(7);
  }, 3_600_000);

  test('lose no byte of it when they are killed', async ({ store, start }) => {
    await race(store.layout, start, { workers: 4, rounds: 60, kills: true });
  }, 3_600_000);
});
