import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { mutate } from '../mutation/mutant.js';
import { MUTANTS } from '../mutation/mutants.js';

// What takes hours is not run with each change; that it still could be is seen here.
test('each guard that is switched off by hand is where it is said to be, and so are its tests', async () => {
  const wrong: string[] = [];
  for (const mutant of MUTANTS) {
    const source = await readFile(mutant.file, 'utf8');
    try {
      expect(mutate(mutant, source)).not.toBe(source);
    } catch (error) {
      wrong.push(`${mutant.why}: ${(error as Error).message}`);
    }
    wrong.push(...mutant.tests.filter((path) => !existsSync(path)));
  }
  expect(MUTANTS.length).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});
