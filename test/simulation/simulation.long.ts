import { describe, expect, it } from 'vitest';
import { simulateMany, told } from './simulate-many.js';

const HOUR = 3_600_000;

describe('any commands at once, killed and without power at any of their calls', () => {
  it('leave a store in which all holds that is promised', { timeout: HOUR }, async () => {
    expect(told(await simulateMany({ from: 201, count: 10_000 }))).toEqual([]);
  });
});
