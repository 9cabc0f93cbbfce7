import { describe, expect, it } from 'vitest';
import { race } from './race.js';

describe('processes that do anything to one instance, are killed, stopped and given another time', () => {
  // Thousands of operations: races.long.ts, and npm run test:races.
  it('leave a store in which all holds that is promised', { timeout: 300_000 }, async () => {
    const { faults, figures } = await race({ seed: 1, rounds: 24 });
    expect(faults).toEqual([]);
    expect(figures.operations).toBeGreaterThan(100);
  });
});
