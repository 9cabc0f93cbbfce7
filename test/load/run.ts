/**
 * What the product does under load, with a bound for each figure.
 *
 *   npm run test:load                            all parts
 *   npm run test:load -- many flight             some: many, flight, guest, soak
 *   npm run test:load -- soak --minutes 120      how long; default 15
 *   npm run test:load -- many --instances 1000   how many; default 10000
 *   npm run test:load -- flight --clones 50      how many at once; default 200
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadGuest } from './crowded-guest.js';
import { isWithin, rowOf, type Figure, type Load } from './figures.js';
import { loadFlight } from './flight.js';
import { loadMany } from './many.js';
import { loadSoak } from './soak.js';

const PARTS: Readonly<Record<string, (load: Load) => Promise<void>>> = {
  many: loadMany,
  flight: loadFlight,
  guest: loadGuest,
  soak: loadSoak,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '15' },
    instances: { type: 'string', default: '10000' },
    clones: { type: 'string', default: '200' },
  },
});
const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0)
  throw new Error(`no part ${unknown.join(', ')}: there are ${Object.keys(PARTS).join(', ')}`);

const figures: Figure[] = [];
for (const [name, part] of Object.entries(PARTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const home = await mkdtemp(join(tmpdir(), 'multipass-ts-load-'));
  const folder = join(home, name);
  await mkdir(folder);
  try {
    await part({
      folder,
      // scripts/run-ts.mjs makes import.meta.dirname the project's folder.
      command: [process.execPath, join(import.meta.dirname, 'dist', 'cli', 'bin.js')],
      minutes: Number(values.minutes),
      instances: Number(values.instances),
      clones: Number(values.clones),
      say: (text) => void process.stderr.write(`${name}: ${text}\n`),
      tell: (figure) => {
        figures.push(figure);
        process.stdout.write(`${rowOf(figure)}\n`);
      },
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
if (!figures.every(isWithin)) process.exitCode = 1;
