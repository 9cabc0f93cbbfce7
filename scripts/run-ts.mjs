// Runs a TypeScript file of this project on Node 20: node scripts/run-ts.mjs FILE [ARGS...]
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const [file, ...args] = process.argv.slice(2);
const outdir = mkdtempSync(join(root, 'node_modules', '.run-ts-'));
process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));

await build({
  entryPoints: [file],
  outfile: join(outdir, 'run.mjs'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  define: { 'import.meta.dirname': JSON.stringify(root) },
});
process.argv.splice(1, process.argv.length - 1, file, ...args);
await import(pathToFileURL(join(outdir, 'run.mjs')).href);
