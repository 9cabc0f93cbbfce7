// Builds dist/lib (tsc: the library with its types) and dist/cli (esbuild: one small entry, commands in lazily loaded
// chunks).
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

rmSync('dist', { recursive: true, force: true });

await build({
  entryPoints: ['src/cli/bin.ts'],
  outdir: 'dist/cli',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  define: { 'process.env.MULTIPASS_TS_VERSION': JSON.stringify(version) },
  // CommonJS dependencies call require() and read __filename even inside an ES module bundle.
  banner: {
    js: [
      "import{createRequire as __cr}from'node:module';",
      "import{fileURLToPath as __fu}from'node:url';",
      "import{dirname as __dn}from'node:path';",
      'const require=__cr(import.meta.url);',
      'const __filename=__fu(import.meta.url);',
      'const __dirname=__dn(__filename);',
    ].join(''),
  },
});
chmodSync('dist/cli/bin.js', 0o755);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
