import { resolve } from 'node:path';
import { ExecError, MultipassError } from '../errors.js';
import { run, type RunOptions, type RunResult } from '../process/run.js';
import { confineQemuImg, type Confined } from './confine-qemu-img.js';
import type { DiskFormat } from './disk-format.js';

/** Work that can be told to stop: qemu-img is dead when the function rejects with ABORTED. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** Work on what may have come from outside. */
export interface MaybeForeign extends Abortable {
  /**
   * The disk came from outside, and is of this format by our own look (`lookAtDisk`): qemu-img is shut up with the
   * files that it needs. Default: it is of our own making.
   */
  readonly foreign?: DiskFormat | undefined;
}

/** A run of qemu-img: which image it is about, for messages, and how it is run. */
export interface QemuImgRun extends Pick<RunOptions, 'signal' | 'okExitCodes' | 'onStdout'> {
  readonly path: string;
  /** What came from outside, and all that qemu-img needs for it. */
  readonly confined?: Confined | undefined;
}

/**
 * When it closes an image, qemu-img writes out the tables that it has kept, and where that fails it says so and exits
 * with 0, all the same [tried: an EIO of that last fdatasync, and a snapshot of a flattened disk had lost its content].
 */
const LOST_TABLES = /^qemu-img: (?:Failed to flush|Lost) /m;

/**
 * Runs qemu-img. File names among the arguments must be absolute, so that no `:` or `json:` in one makes it
 * something else than a file, and must stand behind `--`.
 *
 * @throws MultipassError DISK_IN_USE when another process holds the image; SANDBOX_UNAVAILABLE when it has to be
 *   shut up and cannot be; what `run` throws
 */
export async function qemuImg(args: readonly string[], about: QemuImgRun): Promise<RunResult> {
  const { path, confined, ...options } = about;
  try {
    const [file, ...words] = confined === undefined ? ['qemu-img'] : await confineQemuImg(confined);
    return await run(file, [...words, ...args], {
      ...options,
      called: 'qemu-img',
      failsBy: LOST_TABLES,
      endsWhole: confined !== undefined,
    });
  } catch (error) {
    if (!(error instanceof ExecError) || !/Failed to get .*lock/.test(error.stderr)) throw error;
    throw new MultipassError('DISK_IN_USE', `another process uses the disk "${path}"`, {
      hint: 'Stop the virtual machine or the program that has it open, then try again.',
      cause: error,
      details: { path },
    });
  }
}

/** How qemu-img is shut up that only reads a disk; undefined for one of our own. */
export function reading(path: string, foreign: DiskFormat | undefined): Confined | undefined {
  return foreign === undefined ? undefined : { format: foreign, reads: [resolve(path)] };
}

/** How qemu-img is shut up that changes a disk in place; undefined for one of our own. */
export function changing(path: string, foreign: DiskFormat | undefined): Confined | undefined {
  return foreign === undefined ? undefined : { format: foreign, writes: [resolve(path)] };
}

/** Whether a failed `qemu-img check` says that the disk is damaged, or too damaged to go on with. */
export function isDamage({ exitCode, stderr }: ExecError): boolean {
  return exitCode === 2 || /^ERROR/m.test(stderr);
}
