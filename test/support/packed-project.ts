import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** What npm says of a tarball. */
export interface Packed {
  /** Of the tarball, in bytes. */
  readonly size: number;
  /** Of what is in it, in bytes. */
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** Somebody's project, into which the packed tarball was installed. */
export interface PackedProject {
  readonly folder: string;
  /** The package in it. */
  readonly installed: string;
  readonly tarball: string;
  readonly about: Packed;
}

/** Packs this package as it is built, and installs the tarball in a new project; no registry is asked. */
export function packedProject(): PackedProject {
  const folder = mkdtempSync(join(tmpdir(), 'multipass-ts-package-'));
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const text = execFileSync('npm', args, { cwd: PROJECT, encoding: 'utf8', stdio: 'pipe' });
  const [about] = JSON.parse(text) as [Packed & { filename: string }];
  const tarball = join(folder, about.filename);
  const modules = join(folder, 'node_modules');
  const installed = join(modules, 'multipass-ts');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  // What it depends on, and what its user has besides, is ours.
  const others = readdirSync(join(PROJECT, 'node_modules')).filter((name) => !name.startsWith('.'));
  for (const name of others) symlinkSync(join(PROJECT, 'node_modules', name), join(modules, name));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', type: 'module' }));
  return { folder, installed, tarball, about };
}
