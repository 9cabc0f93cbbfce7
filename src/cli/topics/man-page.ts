import { ABOUT } from '../about.js';
import type { Command } from '../command.js';
import type { Described } from '../format/terms.js';
import { HELP, VERBOSE, type CommandOption } from '../options.js';
import type { Topic } from './topic.js';

/** What a manual page is made from. */
export interface Manual {
  readonly version: string;
  readonly commands: readonly Command[];
  readonly topics: readonly Topic[];
}

/** The manual page multipass(1), in the macros of man(7). */
export function formatManPage({ version, commands, topics }: Manual): string {
  const shown = commands.filter(({ hidden }) => hidden !== true);
  const lines = [
    `.TH MULTIPASS 1 "" "multipass-ts ${version}" "User Commands"`,
    ...['.SH NAME', `multipass \\- ${roff('create and run virtual machine instances')}`],
    ...['.SH SYNOPSIS', '.B multipass', '[options] <command> [<argument> ...]'],
    ...['.SH DESCRIPTION', paragraph(ABOUT)],
    ...['.SH OPTIONS', 'Every command has these.', ...[HELP, VERBOSE].flatMap(optionLines)],
    ...['.SH COMMANDS', ...shown.flatMap(commandLines)],
    ...topics.flatMap((topic) => topicLines(topic, commands)),
    ...['.SH SEE ALSO', '.BR ssh (1),', '.BR qemu-img (1),', '.BR cloud-init (1)'],
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines({
  name,
  aliases,
  usage,
  description,
  options,
  parameters = [],
  examples = [],
}: Command): string[] {
  const shown = options.filter(({ hidden }) => hidden !== true);
  return [
    `.SS "multipass ${quoted(name)}${usage === '' ? '' : ` ${quoted(usage)}`}"`,
    paragraph(description),
    ...(aliases.length === 0 ? [] : ['.PP', paragraph(`Also ${aliases.join(', ')}.`)]),
    ...parameters.flatMap(([term, text]) => termLines(`\\fI${roff(term)}\\fR`, text)),
    ...shown.flatMap(optionLines),
    ...examples.flatMap(([line, text]) => termLines(`\\fB${roff(line)}\\fR`, text)),
  ];
}

function optionLines({ flags, value, description }: CommandOption): string[] {
  const names = flags.map((flag) => `\\fB${roff(flag)}\\fR`).join(', ');
  const argument = value === undefined ? '' : ` <\\fI${roff(value)}\\fR>`;
  return termLines(`${names}${argument}`, description);
}

function topicLines({ title, parts }: Topic, commands: readonly Command[]): string[] {
  return [
    `.SH "${quoted(title.toUpperCase())}"`,
    ...parts(commands).flatMap(({ text, terms }) => [
      '.PP',
      paragraph(text),
      ...terms.flatMap(bold),
    ]),
  ];
}

const bold = ([term, text]: Described): string[] => termLines(`\\fB${roff(term)}\\fR`, text);

function termLines(term: string, text: string): string[] {
  return ['.TP', term, paragraph(text)];
}

/** A text that begins a line: one that begins with a dot or an apostrophe is no request. */
function paragraph(text: string): string {
  return roff(text).replace(/^[.']/, String.raw`\&$&`);
}

/** A text in which nothing is special to roff; a hyphen stays one that can be copied. */
function roff(text: string): string {
  return text.replaceAll('\\', String.raw`\e`).replaceAll('-', String.raw`\-`);
}

/** The same within the double quotes of a request. */
function quoted(text: string): string {
  return roff(text).replaceAll('"', String.raw`\(dq`);
}
