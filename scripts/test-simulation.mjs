// Simulates what seeds say: commands that meet, are killed, and lose the power at any of their calls.
//
//   npm run test:simulation                               seeds 1 to 1000
//   npm run test:simulation -- --from 5000 --count 200    others
//   npm run test:simulation -- --seed 42                  one of them, with all of its calls
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
  },
});
const { seed } = values;
const from = Number(seed ?? values.from);
const count = seed === undefined ? Number(values.count) : 1;
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) {
  throw new Error('expected whole numbers, as in --from 5000 --count 200');
}
const options = JSON.stringify({ from, count, isTraced: seed !== undefined });
const env = { ...process.env, MULTIPASS_TEST_SIMULATION: options };
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const run = spawnSync(process.execPath, [vitest, 'run'], { cwd: root, env, stdio: 'inherit' });
process.exitCode = run.status ?? 1;
