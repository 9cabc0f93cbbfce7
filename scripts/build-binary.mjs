// Builds the command with Bun as one file that needs no Node: dist/multipass-linux-ARCH, with the licences of what is
// in it and its checksum beside it. node scripts/build-binary.mjs [x64|arm64]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from './build-cli.mjs';
import { runtimeFor } from './bun-runtime.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const arch = process.argv[2] ?? process.arch;
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

const { bun, runtime, version: bunVersion } = runtimeFor(arch);
if (!readFileSync('licenses/bun.md', 'utf8').includes(` ${bunVersion},`)) {
  throw new Error(`"licenses/bun.md" is not of Bun ${bunVersion}`);
}
const work = 'node_modules/.cache/multipass-ts/binary';
mkdirSync(work, { recursive: true });
mkdirSync('dist', { recursive: true });
const { code, packages } = await bundleProgram('all', `${version}+binary`);
const source = join(work, 'multipass.cjs');
writeFileSync(source, code);

const out = `dist/multipass-linux-${arch}`;
// It may be running.
rmSync(out, { force: true });
execFileSync(
  bun,
  [
    ...['build', '--compile', `--target=bun-linux-${arch}`, `--compile-executable-path=${runtime}`],
    // Nothing of the folder in which a user happens to be may change what the command does.
    ...['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'],
    ...['--no-compile-autoload-tsconfig', '--no-compile-autoload-package-json'],
    // The names in it stay as they are, for a report of a bug shows them; and strip(1) would drop all but Bun.
    ...['--bytecode', '--format=cjs', `--outfile=${out}`, source],
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
writeFileSync(`${out}.licenses.txt`, licences());
const sum = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
const lines = [out, `${out}.licenses.txt`].map((file) => `${sum(file)}  ${basename(file)}\n`);
writeFileSync(`${out}.sha256`, lines.join(''));

/** Ours, Bun's, and those of the packages that are in the program. */
function licences() {
  const texts = [
    ['multipass-ts', 'LICENSE'],
    ['Bun', 'licenses/bun.md'],
    ...packages.map((folder) => [folder.replace(/^.*node_modules\//, ''), licenceOf(folder)]),
  ];
  return texts
    .map(([name, file]) => `${'='.repeat(80)}\n${name}\n\n${readFileSync(file, 'utf8').trim()}\n`)
    .join('\n');
}

/** @throws Error for a package without one */
function licenceOf(folder) {
  const name = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  if (name === undefined) throw new Error(`"${folder}" has no licence`);
  return join(folder, name);
}
