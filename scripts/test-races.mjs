// Has processes race for a few instances, and kills, stops and misleads them meanwhile.
//
//   npm run test:races                               1,300 rounds of some 8 operations
//   npm run test:races -- --rounds 100 --seed 7      others
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1300' },
    seed: { type: 'string', default: '1' },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (!Number.isSafeInteger(rounds) || !Number.isSafeInteger(seed) || rounds < 1) {
  throw new Error('expected whole numbers, as in --rounds 100 --seed 7');
}
const env = { ...process.env, MULTIPASS_TEST_RACES: JSON.stringify({ rounds, seed }) };
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const run = spawnSync(process.execPath, [vitest, 'run'], { cwd: root, env, stdio: 'inherit' });
process.exitCode = run.status ?? 1;
