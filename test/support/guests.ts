import { fileURLToPath } from 'node:url';
import { run } from '../../src/process/run.js';

/** The guests of the tests; fixtures/guests/README.md says what each can do. */
export type GuestKind = 'cloud' | 'tiny';

const BUILD = fileURLToPath(new URL('../../fixtures/guests/build.sh', import.meta.url));

/**
 * The image of a guest, to launch from or to make a head on; nobody writes to it. It is built when this version of it
 * is not there yet, which takes root, and a minute or more for `cloud`: workers that ask at once wait for one build.
 *
 * @returns the path of the qcow2, in the user's cache folder
 * @throws ExecError (TOOL_FAILED) when it cannot be built; its details hold what the build said
 */
export async function guestImage(kind: GuestKind): Promise<string> {
  const { stdout } = await run(BUILD, [kind]);
  return stdout.trim();
}
