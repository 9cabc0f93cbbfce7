import { describe, expect, it } from 'vitest';
import { simulateMany, told } from './simulate-many.js';

describe('any commands at once, killed and without power at any of their calls', () => {
  it('leave a store in which all holds that is promised', { timeout: 240_000 }, async () => {
    expect(told(await simulateMany({ from: 1, count: 200 }))).toEqual([]);
  });

  it('happen again, call for call, by the same seed', async () => {
    const [first, second] = [[] as string[], [] as string[]];
    for (const lines of [first, second]) {
      await simulateMany({ from: 7, count: 1, trace: (line) => void lines.push(line) });
    }
    expect(first.length).toBeGreaterThan(100);
    expect(second).toEqual(first);
  });
});
