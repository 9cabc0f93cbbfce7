// Runs the unit tests and those of the package on each version of Node that is supported: the oldest of its line, and
// of the newest line a new one. scripts/nodes says which; they are fetched once, half a gigabyte of them, and kept.
//   node scripts/test-nodes.mjs [FILES...]
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PINNED = join(ROOT, 'scripts/nodes');
const FETCHED = join(ROOT, 'node_modules/.cache/multipass-ts/nodes');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const LOCK = 'package-lock.json';

/** Only `npm ci` knows the checksums of the lock file; whatever is there of another one goes. */
function fetchNodes() {
  const lock = join(FETCHED, LOCK);
  const wanted = readFileSync(join(PINNED, LOCK), 'utf8');
  if (existsSync(lock) && readFileSync(lock, 'utf8') === wanted) return;
  rmSync(FETCHED, { recursive: true, force: true });
  mkdirSync(FETCHED, { recursive: true });
  copyFileSync(join(PINNED, 'package.json'), join(FETCHED, 'package.json'));
  copyFileSync(join(PINNED, LOCK), lock);
  try {
    const args = ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
    execFileSync('npm', args, { cwd: FETCHED, stdio: 'inherit' });
  } catch (error) {
    rmSync(FETCHED, { recursive: true, force: true });
    throw error;
  }
}

/** npm says nothing of an optional package that it could not fetch: to run one that is not there fails. */
function wantedNodes() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(PINNED, 'package.json'), 'utf8'));
  const names = Object.keys(optionalDependencies).filter((name) => name.endsWith(process.arch));
  if (names.length === 0) throw new Error(`there is no Node for ${process.arch} in ${PINNED}`);
  return names;
}

fetchNodes();
const files = process.argv.slice(2);
const runs = files.length > 0 ? [files] : [['--project', 'unit'], ['test/e2e/package.test.ts']];
for (const name of wantedNodes()) {
  const bin = join(FETCHED, 'node_modules', name, 'bin');
  const node = join(bin, 'node');
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  console.log(`\nNode ${execFileSync(node, ['--version'], { encoding: 'utf8' })}`);
  for (const run of runs) {
    const { status } = spawnSync(node, [VITEST, 'run', ...run], {
      cwd: ROOT,
      env,
      stdio: 'inherit',
    });
    if (status !== 0) process.exitCode = 1;
  }
}
