import type { Command } from '../command.js';
import type { Described } from '../format/terms.js';
import type { Topic } from './topic.js';

const MEANING: Readonly<Record<string, string>> = {
  table: 'For people; the default. Its form may change.',
  json: 'One document, four spaces an indent. New keys may come.',
  csv: 'A header and one line for each, with commas; texts with quotes or commas are quoted.',
  yaml: 'One document, as Multipass 1.16 writes it.',
};

/** The commands that take each format. */
function takers(commands: readonly Command[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, options, hidden } of commands) {
    if (hidden === true) continue;
    const format = options.find(({ flags }) => flags.includes('--format'));
    for (const choice of format?.choices ?? []) {
      found.set(choice, [...(found.get(choice) ?? []), name]);
    }
  }
  return found;
}

export const formats: Topic = {
  name: 'formats',
  title: 'What --format can be',
  parts: (commands) => [
    {
      text: 'Results are on stdout, in the form that --format names; progress, warnings and errors are on stderr.',
      terms: [...takers(commands)].map(([format, names]): Described => [
        format,
        `${MEANING[format] ?? ''} For: ${names.join(', ')}.`,
      ]),
    },
    {
      text:
        'With json, a command that changes something prints what it did. When it fails, that ' +
        'object has the key "error" too, with:',
      terms: [
        ['code', 'What kind of failure it is: a word in capitals that stays the same.'],
        ['message', 'What is told on stderr.'],
        ['hint', 'What to do about it, or null.'],
        ['details', 'Names and paths; of several failures, "errors" has each.'],
      ],
    },
  ],
};
