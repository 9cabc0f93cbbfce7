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

/**
 * execa knows the standard streams from others by making them, which takes 3 ms, and which leaves pipes non-blocking
 * for others in some runtimes. We never give it one.
 */
const streamlessExeca = {
  name: 'streamless-execa',
  setup({ onLoad }) {
    onLoad(
      { filter: /execa\/lib\/(?:utils\/standard-stream|stdio\/direction)\.js$/ },
      ({ path }) => {
        const text = readFileSync(path, 'utf8');
        const contents = text.replace(/\bprocess\.std(?:in|out|err)\b/g, 'undefined');
        if (contents === text) throw new Error(`"${path}" has changed`);
        return { contents };
      },
    );
  },
};

/** @param version what `multipass version` says */
export async function buildCli(version) {
  mkdirSync(OUT, { recursive: true });
  const digests = {};
  for (const name of ['all', 'quick']) {
    const { code } = await bundleProgram(name, version);
    writeFileSync(join(OUT, `${name}.cjs`), code);
    digests[name] = createHash('sha256').update(code).digest('hex').slice(0, 32);
  }
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

/**
 * @param {'all' | 'quick'} name of an entry
 * @param {string} version what `multipass version` says
 * @returns {Promise<{ code: string, packages: string[] }>} a CommonJS module, and the folders of the packages in it
 */
export async function bundleProgram(name, version) {
  const { outputFiles, metafile } = await build({
    ...COMMON,
    metafile: true,
    entryPoints: [`src/cli/entries/${name}.ts`],
    define: {
      'process.env.MULTIPASS_TS_VERSION': JSON.stringify(version),
      // The command is no module: what wants to be run again is run by its own words.
      'import.meta.url': '""',
    },
    plugins: [lazyCommander, streamlessExeca],
  });
  const text = withLazyModules(outputFiles[0].text);
  const { code } = await transform(text, { ...MINIFIED, platform: 'node', target: 'node20' });
  const inPackage = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;
  const found = Object.keys(metafile.inputs).flatMap((path) => inPackage.exec(path) ?? []);
  return { code, packages: [...new Set(found)].sort() };
}
