import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import { findProgram } from '../../process/programs.js';
import { run } from '../../process/run.js';

/** To share an extent takes some 50 µs, for which the guest stands still: so many are not felt. */
const FEW = 2000;

/**
 * Whether a file lies in so few pieces that to share them takes no time worth speaking of.
 * @returns false also where that cannot be told, for want of filefrag(8)
 */
export async function hasFewExtents(path: string, signal?: AbortSignal): Promise<boolean> {
  const program = findProgram('filefrag', ['/usr/sbin', '/sbin']);
  if (program === undefined) return false;
  try {
    const { stdout } = await run(program, ['--', path], { signal });
    const [, count] = /: (\d+) extents? found\s*$/.exec(stdout) ?? [];
    return count !== undefined && Number(count) <= FEW;
  } catch (error) {
    if (!(error instanceof MultipassError) || signal?.aborted === true) throw error;
    log('debug', 'disks', error.message);
    return false;
  }
}
