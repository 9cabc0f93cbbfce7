// Times multipass-ts against Multipass's procedure and against the bare system: npm run bench [-- SECTION...] [--json
// FILE]
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchBinary } from './binary.js';
import { benchClone } from './clone.js';
import { benchCrowd } from './crowd.js';
import { benchLaunch } from './launch.js';
import { benchLinked } from './linked.js';
import { benchList } from './list.js';
import { benchLive } from './live.js';
import { describeMachine } from './machine.js';
import { benchMigrate } from './migrate.js';
import { formatOutcomes, judge, type Outcome } from './report.js';
import type { Section } from './section.js';
import { benchNetwork } from './network.js';
import { benchStartUp } from './start-up.js';
import { benchTravel } from './travel.js';
import { benchWarm } from './warm.js';

const SECTIONS: Readonly<Record<string, Section>> = {
  'start-up': benchStartUp,
  binary: benchBinary,
  list: benchList,
  crowd: benchCrowd,
  clone: benchClone,
  linked: benchLinked,
  live: benchLive,
  launch: benchLaunch,
  migrate: benchMigrate,
  network: benchNetwork,
  travel: benchTravel,
  warm: benchWarm,
};

// It makes Node 20 parse a bundle of certificates at every start: 40 ms on both sides, which hide what is compared.
delete process.env['NODE_EXTRA_CA_CERTS'];

// scripts/run-ts.mjs makes import.meta.dirname the project's folder.
const bin = join(import.meta.dirname, 'dist', 'cli', 'bin.js');
const { values, positionals } = parseArgs({
  options: { json: { type: 'string' } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !Object.hasOwn(SECTIONS, name));
if (unknown.length > 0) {
  throw new Error(
    `no section ${unknown.join(', ')}: there are ${Object.keys(SECTIONS).join(', ')}`,
  );
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}

const home = await mkdtemp(join(tmpdir(), 'multipass-ts-bench-'));
try {
  const machine = await describeMachine(home);
  process.stdout.write(`${machine}\n\n`);
  const outcomes: Outcome[] = [];
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    outcomes.push(...(await runSection(name, section)));
  }
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ machine, outcomes }, null, 2)}\n`);
  }
} finally {
  await rm(home, { recursive: true, force: true });
}

async function runSection(name: string, section: Section): Promise<Outcome[]> {
  const folder = join(home, name);
  await mkdir(folder);
  const say = (text: string): void => void process.stderr.write(`${name}: ${text}\n`);
  try {
    const comparisons = await section({ folder, bin, signal: interruption.signal, say });
    const outcomes = comparisons.map(judge);
    process.stdout.write(`${formatOutcomes(outcomes)}\n`);
    return outcomes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
