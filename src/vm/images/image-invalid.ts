import { MultipassError, hasCode } from '../../errors.js';

/** A disk from outside that is not taken. `origin` is its URL or path, as the user knows it. */
export function imageInvalid(
  origin: string,
  problem: string,
  context: { hint?: string; cause?: unknown } = {},
): MultipassError {
  return new MultipassError('IMAGE_INVALID', `"${origin}" is not a usable image: ${problem}`, {
    hint: 'Give a disk image that stands alone: qcow2, raw, vmdk, vdi, vhdx or vhd, or one of these packed with xz.',
    details: { origin },
    ...context,
  });
}

/** Runs what looks into a disk from outside; what is wrong with the disk is told of `origin`. */
export async function aboutImage<T>(origin: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'DISK_INVALID', 'TOOL_FAILED')) throw error;
    const { problem } = error.details;
    const what = typeof problem === 'string' ? problem : error.message;
    throw imageInvalid(origin, what, { cause: error });
  }
}
