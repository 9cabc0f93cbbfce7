import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Outcome } from './fuzz-reader.js';
import { allReaders } from './readers/all.js';

const INPUTS = 20_000;

it('no reader of outside data is led astray, by inputs that once did or by new ones', () => {
  const args = ['scripts/test-fuzz.mjs', '--json', '--workers', '1', '--inputs', String(INPUTS)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  const outcomes = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Outcome);
  expect(outcomes.map(({ reader }) => reader)).toEqual(allReaders.map(({ name }) => name));
  expect(outcomes.flatMap(({ found }) => found)).toEqual([]);
  expect(outcomes.reduce((sum, { inputs }) => sum + inputs, 0)).toBeGreaterThanOrEqual(INPUTS);
  // Were all refused, nothing would be read.
  expect(outcomes.filter(({ taken }) => taken === 0).map(({ reader }) => reader)).toEqual([]);
  expect(status).toBe(0);
}, 300_000);
