import { describe, expect, it } from 'vitest';
import { LOCK_MUTANTS } from '../mutation/lock-mutants.js';
import { STORE_MUTANTS } from '../mutation/store-mutants.js';
import { foundBySeed } from './found.js';

const BROKEN = ['what is staged is durable before it is published', 'an exclusive lock is one'];
const MOST_SEEDS = 200;

describe('a guard that is broken', () => {
  it.each(BROKEN)('is found by a seed: %s', { timeout: 240_000 }, async (guard) => {
    const mutant = [...STORE_MUTANTS, ...LOCK_MUTANTS].find(({ why }) => why === guard);
    expect(mutant).toBeDefined();
    if (mutant !== undefined) expect(await foundBySeed(mutant, MOST_SEEDS)).toBeDefined();
  });
});
