// Builds dist/cli: bin.js, which users run, and the programs that it starts.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, transform } from 'esbuild';
import { withLazyModules } from './lazy-modules.mjs';

const OUT = 'dist/cli';

/** The words whose program is the quick one; a test holds them against its commands. */
const QUICK_WORDS = ['list', 'ls', 'version'];

const MINIFIED = { minifySyntax: true, minifyWhitespace: true, charset: 'ascii' };

const COMMON = {
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  charset: 'ascii',
  write: false,
};

/** commander starts programs, when it is asked to; we never ask. */
const lazyCommander = {
  name: 'lazy-commander',
  setup({ onLoad }) {
    onLoad({ filter: /commander\/lib\/command\.js$/ }, ({ path }) => {
      const eager = "const childProcess = require('node:child_process');";
      const text = readFileSync(path, 'utf8');
      if (!text.includes(eager)) throw new Error(`"${path}" has changed`);
      const lazy = eager.replace('require(', '() => require(');
      return { contents: text.replace(eager, lazy).replaceAll('childProcess.', 'childProcess().') };
    });
  },
};

/** @param version what `multipass version` says */
export async function buildCli(version) {
  mkdirSync(OUT, { recursive: true });
  const digests = {};
  for (const name of ['all', 'quick']) digests[name] = await buildProgram(name, version);
  const { outputFiles } = await build({
    ...COMMON,
    ...MINIFIED,
    entryPoints: ['src/cli/bin.ts'],
    define: { PROGRAMS: JSON.stringify(digests), QUICK_WORDS: JSON.stringify(QUICK_WORDS) },
  });
  const bin = join(OUT, 'bin.js');
  writeFileSync(bin, outputFiles[0].contents);
  chmodSync(bin, 0o755);
  // What is beside us is no ES module: those take 10 ms longer to start.
  writeFileSync(join(OUT, 'package.json'), '{"type":"commonjs"}\n');
}

/** @returns the hash of the program's content */
async function buildProgram(name, version) {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: [`src/cli/entries/${name}.ts`],
    define: { 'process.env.MULTIPASS_TS_VERSION': JSON.stringify(version) },
    plugins: [lazyCommander],
  });
  const text = withLazyModules(outputFiles[0].text);
  const { code } = await transform(text, { ...MINIFIED, platform: 'node', target: 'node20' });
  writeFileSync(join(OUT, `${name}.cjs`), code);
  return createHash('sha256').update(code).digest('hex').slice(0, 32);
}
