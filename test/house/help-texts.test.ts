import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { allCommands } from '../../src/cli/commands/all.js';
import { environment } from '../../src/cli/topics/environment.js';
import { readDocument } from './documents.js';

const COMMANDS = allCommands(() => undefined).filter(({ hidden }) => hidden !== true);

it.each(COMMANDS)('the help says what each argument is: $name', ({ usage, parameters = [] }) => {
  const named = [...usage.matchAll(/<([^>]+)>/g)].map(([, name]) => name);
  expect(parameters.map(([name]) => name)).toEqual([...new Set(named)]);
});

/** What the build puts there, and Node's own. */
const NO_USERS = ['MULTIPASS_TS_VERSION', 'NODE_V8_COVERAGE'];

it('the help names every variable that is looked at', () => {
  const terms = environment.parts(COMMANDS).flatMap(({ terms: rows }) => rows);
  const files = readdirSync(join(import.meta.dirname, '../../src'), {
    recursive: true,
  }) as string[];
  const read = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readDocument(join('src', file)).matchAll(/env\['([A-Z0-9_]+)'\]/g)])
    .map(([, name]) => name!);
  expect(read.length).toBeGreaterThan(5);
  const known = [...terms.map(([name]) => name), ...NO_USERS];
  expect(read.filter((name) => !known.includes(name))).toEqual([]);
});
