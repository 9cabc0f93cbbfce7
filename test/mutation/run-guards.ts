/**
 * Finds every guard of the core by its syntax, switches one after the other off, and runs the tests that come to it; the
 * simulation is one of them.
 *
 *   npm run test:guards-off                     all; what was tried before is not tried again
 *   npm run test:guards-off -- lock.ts          those of files, or with texts, that contain one of the words
 *   npm run test:guards-off -- --fresh          forgets what was tried
 *   npm run test:guards-off -- --with FOLDER    has the tests of one more folder; those of what is left are tried again
 *   npm run test:guards-off -- --workers 1      mutants side by side; default 2
 *   npm run test:guards-off -- --table          runs nothing, and tells the figures
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EQUIVALENT, isEquivalent } from './equivalent-guards.js';
import { CORE } from './guard-kinds.js';
import { SIMULATION_TEST } from './guard-simulation.js';
import { testFilesIn, type GuardTest } from './guard-tests.js';
import type { GuardRunner } from './guard-runner.js';
import { GuardWorkshop, tryGuard } from './guard-workshop.js';
import { withSwitches, type NumberedGuard } from './switchboard.js';

const TESTS = [
  SIMULATION_TEST,
  'test/files',
  'test/store',
  'test/vm',
  ...['clone', 'pending', 'disks', 'snapshots', 'lineage', 'forwards', 'doctor'].map(
    (name) => `test/vm/${name}`,
  ),
];

/** How a kill is told of which a busy machine may be the cause. */
const TIMED_OUT = /never ends|ended with their process|timed out in/;

/** What came of a mutant. */
interface Outcome {
  readonly key: string;
  readonly result: 'killed' | 'survived' | 'unreached';
  readonly by?: string;
}

const project = import.meta.dirname;
const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    with: { type: 'string', multiple: true, default: [] },
    workers: { type: 'string', default: '2' },
    fresh: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
  },
});
const folder = join(project, 'node_modules/.cache/multipass-ts/guards');
mkdirSync(folder, { recursive: true });
const stateFile = join(folder, 'outcomes.jsonl');
if (values.fresh) rmSync(stateFile, { force: true });

const files = CORE.flatMap((place) =>
  place.endsWith('.ts')
    ? [place]
    : readdirSync(join(project, place))
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(place, name)),
);
const sources = new Map(files.map((file) => [file, readFileSync(join(project, file), 'utf8')]));
const guards: NumberedGuard[] = [];
const texts = new Map<string, string>();
for (const [file, source] of sources) {
  const made = withSwitches(file, source, guards.length);
  guards.push(...made.guards);
  texts.set(file, made.text);
}
const keys = new Map<number, string>();
const taken = new Set<string>();
for (const { id, file, kind, text } of guards) {
  let key = `${file}: ${kind}: ${text}`;
  for (let number = 2; taken.has(key); number += 1) key = `${file}: ${kind}: ${text} (${number})`;
  taken.add(key);
  keys.set(id, key);
}

const outcomes = readOutcomes();
const chosen = guards.filter(({ id }) => {
  const key = keys.get(id)!;
  const before = outcomes.get(key)?.result;
  const isWanted = words.length === 0 || words.some((word) => key.includes(word));
  const isTried = before !== undefined && (before === 'killed' || values.with.length === 0);
  // What one more folder does not kill was killed by the others all the same.
  return isWanted && (!isTried || (words.length > 0 && values.with.length === 0));
});
if (!values.table && chosen.length > 0) await tryAll();
tell();

async function tryAll(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  await using workshop = await GuardWorkshop.open(project, texts);
  const tests = testFilesIn(project, values.with.length > 0 ? values.with : TESTS);
  const { covering, failed } = await workshop.cover(tests, join(folder, 'covered'));
  for (const name of failed) console.log(`left out, as it fails without a mutant: ${name}`);
  const queue = chosen.entries();
  const worker = async (): Promise<void> => {
    using runner = workshop.runner();
    for (const [index, guard] of queue) {
      const outcome = await tryOne(runner, guard, covering.get(guard.id) ?? []);
      outcomes.set(outcome.key, outcome);
      appendFileSync(stateFile, `${JSON.stringify(outcome)}\n`);
      console.log(`${index + 1}/${chosen.length} ${outcome.result.padEnd(9)} ${outcome.key}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, worker));
}

async function tryOne(
  runner: GuardRunner,
  guard: NumberedGuard,
  tests: readonly GuardTest[],
): Promise<Outcome> {
  const key = keys.get(guard.id)!;
  if (tests.length === 0) return { key, result: outcomes.get(key)?.result ?? 'unreached' };
  const { failed } = await tryGuard(runner, guard, tests);
  return failed === undefined ? { key, result: 'survived' } : { key, result: 'killed', by: failed };
}

function readOutcomes(): Map<string, Outcome> {
  const lines = existsSync(stateFile) ? readFileSync(stateFile, 'utf8').split('\n') : [];
  const all = lines.filter(Boolean).map((line) => JSON.parse(line) as Outcome);
  return new Map(all.map((outcome) => [outcome.key, outcome]));
}

function tell(): void {
  const all = [...keys.values()].map((key) => outcomes.get(key) ?? { key, result: 'untried' });
  const with_ = (result: string): string[] =>
    all.filter((outcome) => outcome.result === result).map(({ key }) => key);
  const left = [...with_('survived'), ...with_('unreached')];
  const open = left.filter((key) => !isEquivalent(key));
  for (const key of open) console.log(`NOT KILLED  ${key}`);
  for (const { key } of EQUIVALENT)
    if (!left.includes(key)) console.log(`no survivor, and in the list of those: ${key}`);
  const killed = with_('killed').length;
  const late = all.filter((outcome) => 'by' in outcome && TIMED_OUT.test(outcome.by ?? '')).length;
  const tried = all.length - with_('untried').length;
  console.log(`${late} of the killed ones only as a test took too long`);
  console.log(
    `${killed} of ${tried} mutants were killed (${((100 * killed) / tried).toFixed(1)} %), ` +
      `${left.length - open.length} are known to change nothing that is promised, ${open.length} are left`,
  );
  if (open.length > 0) process.exitCode = 1;
}
