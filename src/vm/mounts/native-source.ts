import { run } from '../../process/run.js';
import { seenAsArguments, type SeenAs } from '../../qemu/machine.js';
import { sourceProblem } from './mount-place.js';

/**
 * What keeps QEMU from sharing a folder natively; null when nothing does. It is looked at as whoever QEMU will be: in a
 * user namespace, which an id map takes, root has no more rights than the folder's mode gives.
 */
export async function nativeSourceProblem(
  source: string,
  seenAs: SeenAs | null,
): Promise<string | null> {
  const problem = sourceProblem(source);
  if (problem !== null) return problem;
  const [program, ...through] = seenAsArguments(seenAs);
  if (program === undefined) return null;
  const look = ['test', '-r', source, '-a', '-x', source];
  const { exitCode, stderr } = await run(program, [...through, ...look], { okExitCodes: [0, 1] });
  if (exitCode === 0) return null;
  return stderr === ''
    ? `Source path "${source}" is not readable with mapped ids, which take root its rights`
    : 'this system does not let you map ids';
}
