import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const LONGEST = 120;

// The formatter breaks code, but neither comments nor strings.
test.for(['src', 'scripts'])('no line in %s is longer than 120 characters', async (folder) => {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const long: string[] = [];
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    const lines = (await readFile(path, 'utf8')).split('\n');
    lines.forEach((line, index) => {
      if (line.length > LONGEST) long.push(`${path}:${index + 1}`);
    });
  }
  expect(files.length).toBeGreaterThan(0);
  expect(long).toEqual([]);
});
