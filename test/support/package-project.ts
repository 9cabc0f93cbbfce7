import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** Makes a project of its own, in a temporary folder, that has this package, built, as a dependency. @returns its path */
export async function projectWithPackage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'project-'));
  await mkdir(join(folder, 'node_modules', '@types'), { recursive: true });
  await symlink(PROJECT, join(folder, 'node_modules', 'multipass-ts'));
  const types = join('node_modules', '@types', 'node');
  await symlink(join(PROJECT, types), join(folder, types));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  return folder;
}
