import { ExecError, MultipassError } from '../errors.js';
import { run, type RunOptions, type RunResult } from '../process/run.js';

/** Work that can be told to stop: qemu-img is dead when the function rejects with ABORTED. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** A run of qemu-img: which image it is about, for messages, and how it is run. */
export interface QemuImgRun extends Pick<RunOptions, 'signal' | 'okExitCodes' | 'onStdout'> {
  readonly path: string;
}

/**
 * Runs qemu-img. File names among the arguments must be absolute, so that no `:` or `json:` in one makes it
 * something else than a file, and must stand behind `--`.
 *
 * @throws MultipassError DISK_IN_USE when another process holds the image; what `run` throws
 */
export async function qemuImg(args: readonly string[], about: QemuImgRun): Promise<RunResult> {
  const { path, ...options } = about;
  try {
    return await run('qemu-img', args, options);
  } catch (error) {
    if (!(error instanceof ExecError) || !/Failed to get .*lock/.test(error.stderr)) throw error;
    throw new MultipassError('DISK_IN_USE', `another process uses the disk "${path}"`, {
      hint: 'Stop the virtual machine or the program that has it open, then try again.',
      cause: error,
      details: { path },
    });
  }
}
