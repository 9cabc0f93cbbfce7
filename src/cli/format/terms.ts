/** A word or a line of the help, and what is to be said of it. */
export type Described = readonly [text: string, description: string];

/** What a terminal has, unless it says otherwise. */
const COLUMNS = 80;
/** How wide terms may be that have their descriptions beside them; others have them below. */
const WIDEST_TERM = 28;
const INDENT = 2;

/** Terms and what they mean, in 80 columns: one below the other, each with its description beside or below it. */
export function formatTerms(rows: readonly Described[]): string {
  const longest = Math.max(...rows.map(([term]) => term.length));
  const isBeside = longest <= WIDEST_TERM;
  const column = isBeside ? INDENT + longest + 2 : 3 * INDENT;
  return rows.map(([term, text]) => `${entry(term, wrap(text, column), isBeside)}\n`).join('');
}

function entry(term: string, text: string, isBeside: boolean): string {
  const first = `${' '.repeat(INDENT)}${term}`;
  return isBeside ? first + text.slice(first.length) : `${first}\n${text}`;
}

/** The text in lines of 80 columns at most, each indented. */
export function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= COLUMNS - indent) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines.map((line) => ' '.repeat(indent) + line).join('\n');
}
