import { describe, expect, it } from 'vitest';
import { race } from './race.js';

const { rounds, seed } = JSON.parse(
  process.env['MULTIPASS_TEST_RACES'] ?? '{"rounds":1,"seed":1}',
) as { readonly rounds: number; readonly seed: number };

const LONGEST_MS = 24 * 3_600_000;

describe('races', () => {
  it(`${rounds} rounds of seed ${seed}`, { timeout: LONGEST_MS }, async () => {
    const say = (line: string): boolean => process.stdout.write(`${line}\n`);
    const { faults, figures } = await race({ rounds, seed, say: (line) => void say(line) });
    say(JSON.stringify(figures));
    expect(faults).toEqual([]);
  });
});
