import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { run } from '../process/run.js';
import { withLibraries } from '../process/sandbox.js';

/** Where the systems have QEMU's modules, seen from the folder above that of the program: Debian, Fedora, Arch. */
const MODULES = ['lib/ARCH-linux-gnu/qemu', 'lib64/qemu', 'lib/qemu', 'lib64/qemu-kvm'];
const ARCH = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/** The shell that becomes QEMU. */
const SHELL = '/bin/sh';

/**
 * All files and folders of the host that a QEMU consists of: the program, its modules, the libraries of both, its
 * firmware, wherever the links to it lead, and a shell.
 * @param program absolute path
 * @throws MultipassError TOOL_MISSING without ldd; ExecError
 */
export async function qemuFiles(program: string): Promise<string[]> {
  const prefix = dirname(dirname(program));
  const modules = MODULES.map((place) => join(prefix, place.replace('ARCH', ARCH))).filter(
    isFolder,
  );
  const accelerators = modules.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(`accel-`) && name.endsWith('.so'))
      .map((name) => join(folder, name)),
  );
  const [{ stdout }, ...loaded] = await Promise.all([
    run(program, ['-L', 'help']),
    ...[program, SHELL, ...accelerators].map(withLibraries),
  ]);
  const data = stdout.split('\n').map(normalize).filter(isFolder);
  const single = loaded.flat().filter((path) => !modules.includes(dirname(path)));
  return [...new Set([...single, ...modules, ...data, ...data.flatMap(linkedFrom)])];
}

/** What the firmware of other packages is reached by. */
function linkedFrom(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink() && existsSync(join(folder, entry.name)))
    .map((entry) => realpathSync(join(folder, entry.name)))
    .filter((path) => !path.startsWith(`${folder}/`));
}

function isFolder(path: string): boolean {
  return path.startsWith('/') && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
