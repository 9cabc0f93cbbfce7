import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { allCommands } from '../../src/cli/commands/all.js';
import { CALLS, OTHERS } from './commands-and-calls.js';
import { codeSpans, readDocument, section, tableRows } from './documents.js';

const TYPES = resolve(import.meta.dirname, '../../dist/lib/index.d.ts');

/** The methods of a class of the built package's types, with those that it has from others. */
function methodsOf(name: string): string[] {
  const file = ts.createSourceFile(
    'index.d.ts',
    readFileSync(TYPES, 'utf8'),
    ts.ScriptTarget.ES2023,
  );
  const found = file.statements.find(
    (one): one is ts.ClassDeclaration => ts.isClassDeclaration(one) && one.name?.text === name,
  );
  if (found === undefined) throw new Error(`there is no public class ${name}`);
  const methods = found.members.flatMap((member) =>
    ts.isMethodDeclaration(member) && ts.isIdentifier(member.name) ? [member.name.text] : [],
  );
  const bases = (found.heritageClauses ?? [])
    .filter(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)
    .flatMap(({ types }) => types.map(({ expression }) => (expression as ts.Identifier).text));
  return [...new Set([...methods, ...bases.flatMap(methodsOf)])];
}

const GUIDE = readDocument('docs/library.md');
const CLASSES = { store: 'VirtualMachineStore', vm: 'VirtualMachine' };
const known = Object.entries(CLASSES).flatMap(([of, name]) =>
  methodsOf(name).map((method) => `${of}.${method}`),
);
const named = Object.values(CALLS).flatMap((calls) => ('none' in calls ? [] : calls));

describe('every command has a call', () => {
  test('and none is forgotten, nor one that is gone', () => {
    const commands = allCommands(() => undefined).map(({ name }) => name);
    expect(Object.keys(CALLS).sort()).toEqual(commands.sort());
  });

  test.for(named)('%s is one of the package', (call) => {
    expect(known).toContain(call);
  });

  test.for(known)('%s is told of in the guide of the library', (call) => {
    const [of = '', method = ''] = call.split('.');
    const table = tableRows(section(GUIDE, 'All calls')).map(([names = '']) => codeSpans(names));
    const ofStore = table.findIndex((names) => names.includes('name'));
    const rows = of === 'store' ? table.slice(0, ofStore) : table.slice(ofStore);
    expect(rows.flat()).toContain(method);
  });

  test('and every call has a command, or is about programs', () => {
    expect([...new Set([...named, ...OTHERS])].sort()).toEqual(known.sort());
  });
});
