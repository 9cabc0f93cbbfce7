// Strikes every operation of the product in every way at every step, and makes a table of what came of it.
//
//   npm run test:matrix                         all; what was done before is not done again
//   npm run test:matrix -- rename 'clone (co'   operations whose names contain one of the words
//   npm run test:matrix -- --shard 1/4          a quarter of the points
//   npm run test:matrix -- --workers 1          points side by side; default 2
//   npm run test:matrix -- --state FOLDER       where results are kept; default node_modules/.cache/multipass-ts/matrix
//   npm run test:matrix -- --fresh              forgets them first
//   npm run test:matrix -- --table              runs nothing, and makes the table
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** What is counted, and what it is called in the table. */
const COLUMNS = {
  steps: 'steps',
  points: 'points',
  kills: 'kills',
  errors: 'errors',
  shortWrites: 'short writes',
  held: 'checked, held',
  seenBefore: 'seen before',
  missed: 'not reached',
  failed: 'failed',
};

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    shard: { type: 'string', default: '1/1' },
    workers: { type: 'string', default: '2' },
    state: { type: 'string', default: join(root, 'node_modules/.cache/multipass-ts/matrix') },
    fresh: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
  },
});
const folder = resolve(values.state);
const [number, of] = values.shard.split('/').map(Number);
const workers = Number(values.workers);
if (!(number >= 1 && number <= of && workers >= 1)) {
  throw new Error(
    `--shard ${values.shard} --workers ${values.workers}: expected such as 1/4 and 2`,
  );
}

if (values.fresh) rmSync(folder, { recursive: true, force: true });
let status = 0;
if (!values.table) {
  const options = JSON.stringify({ words, shard: { number, of }, workers, folder });
  const env = { ...process.env, MULTIPASS_TEST_MATRIX: options };
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const run = spawnSync(process.execPath, [vitest, 'run'], { cwd: root, env, stdio: 'inherit' });
  status = run.status ?? 1;
}
tell(tableOf(readResults()));
process.exitCode = status;

/** All results, by operation: of all shards, and the last one of each point. */
function readResults() {
  const operations = new Map();
  for (const file of existsSync(folder) ? readdirSync(folder).sort() : []) {
    if (!file.endsWith('.jsonl')) continue;
    let points;
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean)) {
      const entry = JSON.parse(line);
      if ('operation' in entry) {
        const known = operations.get(entry.operation) ?? { steps: entry.steps, points: new Map() };
        operations.set(entry.operation, { ...known, steps: entry.steps });
        points = known.points;
      } else {
        points.set(`${entry.step} ${entry.strike}`, entry);
      }
    }
  }
  return operations;
}

function tableOf(operations) {
  return [...operations].map(([operation, { steps, points }]) => {
    const all = [...points.values()];
    const count = (...results) => all.filter(({ result }) => results.includes(result)).length;
    const of = (...strikes) => all.filter(({ strike }) => strikes.includes(strike)).length;
    return {
      operation,
      steps,
      points: all.length,
      kills: of('main', 'child', 'all'),
      errors: of('EIO', 'ENOSPC', 'EDQUOT'),
      shortWrites: of('short write'),
      held: count('held'),
      seenBefore: count('seen', 'same'),
      missed: count('missed'),
      failed: count('failed'),
    };
  });
}

/** As JSON in a file beside the results, and in Markdown on stdout. */
function tell(rows) {
  if (rows.length === 0) return;
  writeFileSync(join(folder, 'matrix.json'), `${JSON.stringify(rows, null, 2)}\n`);
  const heads = ['operation', ...Object.values(COLUMNS)];
  const keys = Object.keys(COLUMNS);
  const sum = Object.fromEntries(
    keys.map((key) => [key, rows.reduce((total, row) => total + row[key], 0)]),
  );
  const lines = [
    `| ${heads.join(' | ')} |`,
    `|${' --- |'.repeat(heads.length)}`,
    ...[...rows, { operation: 'together', ...sum }].map(
      (row) => `| ${[row.operation, ...keys.map((key) => row[key])].join(' | ')} |`,
    ),
  ];
  process.stdout.write(`\n${lines.join('\n')}\n`);
}
