// Gives every reader of outside data inputs that nobody would write, and judges what it does with them.
//
//   npm run test:fuzz                             all readers, 1,000,000 inputs in all
//   npm run test:fuzz -- tar yaml                 readers whose names contain one of the words
//   npm run test:fuzz -- --inputs 20000           so many inputs in all
//   npm run test:fuzz -- --seed 7                 other ones; the same seed gives the same ones again
//   npm run test:fuzz -- --workers 1              processes side by side; default 2
//   npm run test:fuzz -- --json                   the outcomes as JSON, a line for each reader
//
// An input that shows a fault is written to node_modules/.cache/multipass-ts/fuzz/found, and told. Once the fault is
// mended it is kept in test/fuzz/corpus/READER, by a name that says what it was, and is tried first each time.
import { spawn } from 'node:child_process';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { instrument } from './instrument.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules/.cache/multipass-ts/fuzz');
const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const [inputs, seed, lanes] = [values.inputs, values.seed, values.workers].map(Number);
if (![inputs, seed, lanes].every((number) => Number.isSafeInteger(number) && number > 0)) {
  throw new Error('--inputs, --seed and --workers: expected whole numbers above 0');
}

mkdirSync(cache, { recursive: true });
const program = mkdtempSync(join(cache, 'program-'));
const outcomes = [];
const begun = performance.now();
try {
  await makeProgram();
  const codes = await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)));
  if (codes.some((code) => code !== 0)) process.exitCode = 1;
} finally {
  rmSync(program, { recursive: true, force: true });
}
if (outcomes.some(({ found }) => found.length > 0)) process.exitCode = 1;
if (!values.json) tell();

async function makeProgram() {
  const common = {
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    define: { 'import.meta.dirname': JSON.stringify(join(root, 'test/fuzz/readers')) },
  };
  const { plugin, facts } = instrument(root);
  const { outputFiles } = await build({
    ...common,
    entryPoints: [join(root, 'test/fuzz/worker.ts')],
    plugins: [plugin],
    write: false,
  });
  // How many there are is known only now. No line of its own, for the source map counts them.
  const head = `const __hits = new Uint8Array(${facts().places});`;
  writeFileSync(join(program, 'worker.mjs'), head + outputFiles[0].text);
  writeFileSync(join(program, 'facts.json'), JSON.stringify(facts()));
  await build({
    ...common,
    entryPoints: [join(root, 'test/fuzz/run.ts')],
    outfile: join(program, 'run.mjs'),
  });
}

function runLane(lane) {
  const corpus = join(root, 'test/fuzz/corpus');
  const order = JSON.stringify({ program, corpus, wanted, inputs, seed, lane, lanes });
  const args = ['--enable-source-maps', join(program, 'run.mjs'), order];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let rest = '';
  child.stdout.on('data', (piece) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop();
    for (const line of lines) note(JSON.parse(line));
  });
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

function note(outcome) {
  outcomes.push(outcome);
  const { reader, inputs: tried, taken, refused, branches, kept, seconds, slowest } = outcome;
  if (values.json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  else {
    const figures = `${tried} inputs, ${taken} taken, ${refused} refused, ${branches} branches, ${kept} kept`;
    process.stdout.write(
      `${reader}: ${figures}, ${seconds.toFixed(1)} s, slowest ${slowest.toFixed(0)} ms\n`,
    );
  }
  for (const { fault, input } of outcome.found) {
    const data = Buffer.from(input, 'base64');
    const folder = join(cache, 'found', reader);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, createHash('sha256').update(data).digest('hex').slice(0, 12));
    writeFileSync(path, data);
    process.stderr.write(`${reader}: ${fault}\n  input: ${relative(root, path)}\n`);
  }
}

function tell() {
  const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  const faults = outcomes.reduce((total, { found }) => total + found.length, 0);
  process.stdout.write(
    `${outcomes.length} readers, ${sum('inputs')} inputs (${sum('taken')} taken, ${sum('refused')} refused), ` +
      `${faults} faults, ${seconds} s\n`,
  );
}
