// Builds dist/lib (tsc: the library with its types), dist/cli (the command) and dist/man (its manual page).
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildCli } from './build-cli.mjs';
import { buildTypes } from './build-types.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

rmSync('dist', { recursive: true, force: true });

await buildCli(version);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
buildTypes();

// The command tells its manual page itself.
mkdirSync('dist/man');
writeFileSync(
  'dist/man/multipass.1',
  execFileSync(process.execPath, ['dist/cli/bin.js', 'help', '--man'], {
    env: { ...process.env, MULTIPASS_TS_CODE_CACHE: '' },
  }),
);
