import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { run } from '../../../src/process/run.js';

const NOBODY = '65534';

const isRoot = process.getuid?.() === 0;

/** Runs a command as a user without any rights; tests that root did not start do so anyway. */
export const AS_NOBODY: readonly string[] = isRoot
  ? ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups']
  : [];

/** Makes a folder that of {@link AS_NOBODY}, who may look through the folder it is in. */
export async function giveToNobody(folder: string): Promise<void> {
  if (!isRoot) return;
  await run('chown', ['-R', `${NOBODY}:${NOBODY}`, '--', folder]);
  await chmod(dirname(folder), 0o755);
}
