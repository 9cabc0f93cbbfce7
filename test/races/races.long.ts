import { describe, expect, it } from 'vitest';
import { race } from './race.js';

const HOURS = 3 * 3_600_000;

describe('processes that do anything to one instance, are killed, stopped and given another time', () => {
  it('leave a store in which all holds that is promised', { timeout: HOURS }, async () => {
    const { faults, figures } = await race({ seed: 2, rounds: 1_400 });
    expect(faults).toEqual([]);
    expect(figures.operations).toBeGreaterThan(10_000);
  });
});
