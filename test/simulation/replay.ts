import { describe, expect, it } from 'vitest';
import { simulateMany, told } from './simulate-many.js';

interface Options {
  readonly from: number;
  readonly count: number;
  readonly isTraced: boolean;
}

const { from, count, isTraced } = JSON.parse(
  process.env['MULTIPASS_TEST_SIMULATION'] ?? '{"from":1,"count":1,"isTraced":false}',
) as Options;

const trace = isTraced ? (line: string): boolean => process.stdout.write(`${line}\n`) : undefined;
const LONGEST_MS = 24 * 3_600_000;

describe('the simulation', () => {
  it(`of ${count} from seed ${from} on`, { timeout: LONGEST_MS }, async () => {
    const outcomes = await simulateMany({
      from,
      count,
      trace: trace === undefined ? undefined : (line) => void trace(line),
    });
    expect(told(outcomes)).toEqual([]);
  });
});
