// Finds the Bun that package-lock.json names, and fetches that of the other architecture.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** By the names that Node has for architectures. */
const PACKAGES = { x64: '@oven/bun-linux-x64', arm64: '@oven/bun-linux-aarch64' };

/**
 * @param {string} arch what the binary is for
 * @returns {{ bun: string, runtime: string, version: string }} the Bun that builds, and the one that gets our program
 * @throws Error when there is none for it
 */
export function runtimeFor(arch) {
  const name = PACKAGES[arch];
  if (name === undefined) throw new Error(`no binary for "${arch}": x64 or arm64`);
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const { version, integrity } = packages[`node_modules/${name}`];
  // Where its install script puts it; where npm does, when that may not run.
  const places = ['node_modules/bun/bin/bun.exe', `node_modules/${PACKAGES[process.arch]}/bin/bun`];
  const bun = places.find((place) => says(place) === version);
  if (bun === undefined) throw new Error(`there is no Bun ${version}: npm ci`);
  const runtime = arch === process.arch ? bun : fetched(`${name}@${version}`, integrity);
  return { bun, runtime, version };
}

function says(bun) {
  try {
    return execFileSync(bun, ['--version'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}

/** The program of a package that npm does not install on this machine. */
function fetched(name, integrity) {
  const folder = join('node_modules/.cache/multipass-ts', name.replace('/', '-'));
  const program = join(folder, 'package/bin/bun');
  if (existsSync(program)) return program;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    const words = ['pack', '--silent', `--pack-destination=${draft}`, name];
    const archive = join(draft, execFileSync('npm', words, { encoding: 'utf8' }).trim());
    const sum = createHash('sha512').update(readFileSync(archive)).digest('base64');
    if (integrity !== `sha512-${sum}`) throw new Error(`"${archive}" is not what the lock names`);
    execFileSync('tar', ['-xzf', archive, '-C', draft]);
    rmSync(archive);
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return program;
}
