import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { build as bundle, type Plugin } from 'esbuild';
import { nodeWorld } from './node-modules.js';
import type { VirtualProcess } from './virtual-process.js';
import type * as Entry from '../entry.js';

/** What a process has of the product. */
export type Product = typeof Entry;

type Loader = (
  require: (name: string) => unknown,
  module: { exports: unknown },
  globals: Readonly<Record<string, unknown>>,
) => void;

/** What code finds without importing it, and what would tell one run of a seed from another. */
const GLOBALS = [
  ...['process', 'Date', 'Math', 'performance', 'globalThis', 'global'],
  ...['setTimeout', 'setInterval', 'setImmediate'],
  ...['clearTimeout', 'clearInterval', 'clearImmediate'],
];

/** A file of the product as it is to be instead, for guards that are broken on purpose. */
export interface Replacement {
  /** Relative to the project. */
  readonly file: string;
  readonly change: (source: string) => string;
}

/** The product, built once and loaded by each process anew, so that each has state of its own. */
export class Loadable {
  readonly #load: Loader;
  readonly #require = createRequire(import.meta.url);

  private constructor(code: string) {
    const text = `(function (require, module, globals) { const exports = module.exports;
      const { ${GLOBALS.join(', ')} } = globals; const __filename = '/multipass.cjs', __dirname = '/';
      (function () {\n${code}\n}).call(undefined);})`;
    this.#load = new Script(text, { filename: 'product.cjs' }).runInThisContext() as Loader;
  }

  static async build(replacement?: Replacement): Promise<Loadable> {
    const { outputFiles } = await bundle({
      entryPoints: [fileURLToPath(new URL('../entry.ts', import.meta.url))],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      logLevel: 'error',
      logOverride: { 'empty-import-meta': 'silent' },
      plugins: replacement === undefined ? [] : [replacing(replacement)],
    });
    return new Loadable(outputFiles[0]?.text ?? '');
  }

  /** The product, as one process has it. */
  in(process: VirtualProcess): Product {
    const { require, globals } = nodeWorld(process, (name) => this.#require(name) as unknown);
    const module = { exports: {} };
    this.#load(require, module, globals);
    return module.exports as Product;
  }
}

function replacing({ file, change }: Replacement): Plugin {
  return {
    name: 'replacement',
    setup: (build) => {
      build.onLoad({ filter: new RegExp(`/${file.replaceAll('.', '\\.')}$`) }, async ({ path }) => {
        return { contents: change(await readFile(path, 'utf8')), loader: 'ts' };
      });
    },
  };
}
