import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { test as base } from 'vitest';

/** Tests with a folder of their own. */
export const test = base.extend<{ folder: string }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'multipass-ts-process-')));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
});

/** What packages in the older format of modules want. */
const FOR_COMMONJS =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/** A program of its own, from a text. */
export async function compile(folder: string, contents: string): Promise<string> {
  const outfile = join(folder, 'program.mjs');
  const source = join(folder, 'program.ts');
  await writeFile(source, contents);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: FOR_COMMONJS },
  });
  return outfile;
}
