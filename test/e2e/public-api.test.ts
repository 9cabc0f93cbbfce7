import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const PROJECT = resolve(import.meta.dirname, '../..');
const REPORT = 'multipass-ts.api.md';
const types = readFileSync(join(PROJECT, 'dist/lib/index.d.ts'), 'utf8');

test('the public API is what the kept report says: `npm run api` writes a new one', () => {
  const built = join(PROJECT, 'node_modules/.cache/multipass-ts/api', REPORT);
  expect(readFileSync(built, 'utf8')).toBe(readFileSync(join(PROJECT, 'etc', REPORT), 'utf8'));
});

test('its types are one file, which holds nothing but what is public', () => {
  const files = readdirSync(join(PROJECT, 'dist'), { recursive: true, encoding: 'utf8' });
  expect(files.filter((file) => file.endsWith('.d.ts'))).toEqual(['lib/index.d.ts']);
  const declared = [...types.matchAll(/^(export )?declare (?!const _default)\w+ (\w+)/gm)];
  expect(declared.length).toBeGreaterThan(50);
  expect(declared.filter(([, isExported]) => isExported === undefined)).toEqual([]);
  expect(types).not.toMatch(
    /\b(?:StoreLayout|InstanceDir|InstanceReading|\w+Request)\b(?<!WorkRequest)/,
  );
});

test('its comments tell no inner function', () => {
  expect(types.match(/@throws as `\w+`/g)).toBeNull();
});
