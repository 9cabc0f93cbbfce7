import { execFileSync } from 'node:child_process';
import { PYTHON } from '../../support/python.js';

/** The rows of a CSV document as Python reads it, which is no code of ours, by the names in its header. */
export function readCsv(text: string): Record<string, string>[] {
  const program = 'import csv, json, sys; json.dump(list(csv.reader(sys.stdin)), sys.stdout)';
  const output = execFileSync(PYTHON, ['-c', program], { input: text, encoding: 'utf8' });
  const [header = [], ...rows] = JSON.parse(output) as string[][];
  return rows.map((row) => Object.fromEntries(row.map((field, at) => [header[at] ?? '?', field])));
}
