import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { allCommands } from '../../src/cli/commands/all.js';
import { runCommandLine } from '../../src/cli/program.js';
import { openStore } from '../../src/index.js';
import { StoreLayout } from '../../src/store/layout.js';
import { STORE_SETTINGS } from '../../src/vm/settings/store-settings.js';
import { codeLines, codeSpans, readDocument } from './documents.js';

const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/architecture.md',
  'docs/benchmarks.md',
  'docs/differences.md',
  'docs/errors.md',
  'docs/guide.md',
  'docs/library.md',
  'docs/store-layout.md',
];

const COMMANDS = allCommands(() => undefined);
const NAMES = COMMANDS.flatMap(({ name, aliases }) => [name, ...aliases]);

/** What is named, and is no command line of ours. */
const OTHERS = new Set([
  // Prose: "the multipass command".
  'command.',
]);

/** Flags that documents name by themselves, and whose programs they are of. */
const FLAGS_OF_OTHERS = [
  '--keep' /* the demo */,
  ...['--help', '--verbose', '--version'] /* every command */,
];

/** A command line in a text, and where it stands. */
interface Mention {
  readonly where: string;
  readonly line: string;
}

function inDocument(where: string): Mention[] {
  const text = readDocument(where);
  const lines = [
    ...codeSpans(text),
    ...codeLines(text).map((line) => line.trim().replace(/^\$ /, '').replace(/ +#.*/, '')),
  ];
  return lines.flatMap((line) => {
    const [first = '', ...rest] = line.split(' ');
    if (first === 'multipass') return [{ where, line: rest.join(' ') }];
    if (!NAMES.includes(first) || rest.length === 0) return [];
    // `clone --count` for short: an option is named, and no value of it.
    return [{ where, line: rest.at(-1)?.startsWith('--') === true ? `${line} 1` : line }];
  });
}

function inSource(where: string): Mention[] {
  return [...readDocument(where).matchAll(/(?<![\w/-])multipass ([a-z][^`"'|)\n\\]*)/g)]
    .map(([, line]) => ({ where, line: line!.trim() }))
    .filter(({ line }) => !OTHERS.has(line.split(' ')[0]!));
}

function sourceFiles(): string[] {
  const files = readdirSync(join(import.meta.dirname, '../../src'), {
    recursive: true,
  }) as string[];
  return files.filter((file) => file.endsWith('.ts')).map((file) => join('src', file));
}

/**
 * What a shell makes of a line, with something in the place of each name that stands for one, and the first of
 * choices.
 */
function wordsOf(line: string): string[] {
  const filled = line.replaceAll(/\$\{[^}]*\}|<[a-z-]+>/g, 'x').replaceAll(/\|\S+/g, '');
  return (filled.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
}

/** Parses a command line as the command does, and runs nothing. @returns what it complains of */
async function complaintOf(words: readonly string[]): Promise<string> {
  let told = '';
  const write = (text: string) => void (told += text);
  const writeBytes = () => Promise.resolve();
  const output = {
    ...{ write, writeBytes, writeRaw: writeBytes, steer: write },
    ...{ isTerminal: false, columns: 80 },
  };
  const context = {
    stdin: () => Promise.resolve(Buffer.alloc(0)),
    stdinPieces: () => Readable.from([]),
    terminal: false,
    stdout: output,
    stderr: output,
    env: {},
    home: '/nowhere',
    platform: process.platform,
    signal: new AbortController().signal,
    store: openStore('/nowhere/store'),
    layout: new StoreLayout('/nowhere/store'),
    version: '0.0.0',
    primary: 'primary',
  };
  try {
    await runCommandLine(words, { context, onVerbose: () => undefined, makeCommands: allCommands });
  } catch (error) {
    return (error as Error).message;
  }
  return told.startsWith('Error: Unknown') ? told : '';
}

beforeEach(() => {
  for (const command of COMMANDS) vi.spyOn(command, 'run').mockResolvedValue(0);
});

describe('the command lines that are named', () => {
  it.each(DOCUMENTS)('can be given: %s', async (where) => {
    for (const { line } of inDocument(where)) {
      expect(await complaintOf(wordsOf(line)), line).toBe('');
    }
  });

  it('can be given: hints, messages and comments of src', async () => {
    const mentions = sourceFiles().flatMap(inSource);
    expect(mentions.length).toBeGreaterThan(50);
    for (const { where, line } of mentions) {
      expect(await complaintOf(wordsOf(line)), `${where}: ${line}`).toBe('');
    }
  });

  it('are found', () => {
    expect(DOCUMENTS.flatMap(inDocument).length).toBeGreaterThan(20);
  });

  it('would be missed if there were no such command or option', async () => {
    expect(await complaintOf(['unlink', 'web'])).toMatch(/unlink/);
    expect(await complaintOf(['clone', 'web', '--deep'])).toMatch(/deep/);
    expect(await complaintOf(['clone', 'web', '--linked'])).toBe('');
  });
});

describe('what is named by itself', () => {
  const flags = COMMANDS.flatMap(({ options }) => options.flatMap((option) => option.flags));

  it.each(DOCUMENTS)('is an option of a command: %s', (where) => {
    for (const span of codeSpans(readDocument(where))) {
      const [flag] = /^--[a-z0-9-]+/.exec(span) ?? [];
      if (flag !== undefined) expect([...flags, ...FLAGS_OF_OTHERS], span).toContain(flag);
    }
  });

  it.each(DOCUMENTS)('is a key of a setting: %s', (where) => {
    for (const span of codeSpans(readDocument(where))) {
      const [key] = /(?<![\w.])(?:local|client)\.[a-z.-]+(?![<\w.-])/.exec(span) ?? [];
      if (key !== undefined) expect(Object.keys(STORE_SETTINGS), span).toContain(key);
    }
  });
});
