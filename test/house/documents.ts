import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** The text of a file of the project, by its path in it. */
export function readDocument(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** What stands under a heading, up to the next one of any level. @throws Error when there is no such heading */
export function section(document: string, heading: string): string {
  const [, text] = document.split(new RegExp(`^#+ ${heading.replaceAll('.', '\\.')}$`, 'm'));
  if (text === undefined) throw new Error(`no section "${heading}"`);
  return text.split(/^#+ /m)[0] ?? '';
}

/** The rows of the tables of a text, without their heads: the cells of each. */
export function tableRows(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  const rule = rows.findIndex((row) => /^\|[ |:-]+$/.test(row));
  return rows.slice(rule + 1).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands between backticks in a text of Markdown, its code blocks left out. */
export function codeSpans(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll(/\s+/g, ' '));
}

/** The lines of the code blocks of a text of Markdown. */
export function codeLines(markdown: string): string[] {
  return [...markdown.matchAll(/^```.*?\n(.*?)^```$/gms)].flatMap(([, code]) => code!.split('\n'));
}
