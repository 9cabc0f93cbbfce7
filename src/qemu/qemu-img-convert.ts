import { dirname, resolve } from 'node:path';
import { MultipassError } from '../errors.js';
import { backingName, type Backing } from './backing.js';
import { readQcow2 } from './qcow2-header.js';
import { resize } from './qemu-img-change.js';
import { snapshotArgs } from './qemu-img-info.js';
import { qemuImg, type MaybeForeign } from './qemu-img-run.js';

/** What is converted, and into what. */
export interface ConvertOptions extends MaybeForeign {
  readonly source: string;
  /** The file to be made; one that is there is overwritten. */
  readonly target: string;
  /**
   * What the target stands on. It must hold what the source's own backing file holds, for only the source's top
   * layer is written. Without it the target is whole by itself.
   */
  readonly backing?: Backing | undefined;
  /** Tag of the internal snapshot to take; without it, the active state. */
  readonly snapshot?: string | undefined;
  /** Its clusters are compressed: for what travels, and is not written to. Default: false. */
  readonly compressed?: boolean | undefined;
  /** Called with 0 to 1 as it goes. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * Writes one state of a disk as a new qcow2 image without internal snapshots; the source is only read. On an error
 * or abort qemu-img is dead when this rejects, and what it wrote of the target is left to the caller.
 *
 * @throws MultipassError SNAPSHOT_NOT_FOUND; DISK_INVALID when the source of a snapshot is damaged; INVALID_ARGUMENT
 *   when the backing file is no plain name; DISK_IN_USE, DISK_FULL, ABORTED, TOOL_MISSING, TOOL_FAILED
 */
export async function convertActive(options: ConvertOptions): Promise<void> {
  const { source, target, foreign, backing, snapshot, compressed, signal, onProgress } = options;
  const finalSize = snapshot === undefined ? null : snapshotSize(source, snapshot);
  const args = [
    // To have the file system copy, and to compress, exclude each other.
    ...['convert', compressed === true ? '-c' : '-C', '-f', foreign ?? 'qcow2', '-O', 'qcow2'],
    ...(backing === undefined ? [] : ['-B', backingName(backing), '-F', backing.format]),
    ...snapshotArgs(snapshot),
    ...(onProgress === undefined ? [] : ['-p']),
    ...['--', resolve(source), resolve(target)],
  ];
  const onStdout = onProgress === undefined ? undefined : progressReader(onProgress);
  const confined =
    foreign === undefined
      ? undefined
      : { format: foreign, reads: [resolve(source)], writes: [dirname(resolve(target))] };
  await qemuImg(args, { path: source, confined, signal, onStdout });
  if (finalSize !== null) await resize(target, finalSize, { shrink: true, signal });
}

/**
 * The size the disk had when the snapshot was taken, if it is another one now: `convert -l` takes the present size,
 * `snapshot -a` that of the snapshot.
 */
function snapshotSize(source: string, tag: string): number | null {
  const facts = readQcow2(source);
  const snapshot = facts.snapshots.find(({ name }) => name === tag);
  if (snapshot === undefined) {
    throw new MultipassError(
      'SNAPSHOT_NOT_FOUND',
      `the disk "${source}" has no snapshot "${tag}"`,
      {
        hint: 'List what it has with `qemu-img snapshot -l`.',
        details: { path: source, tag },
      },
    );
  }
  return snapshot.diskSize === facts.virtualSize ? null : snapshot.diskSize;
}

/** Reads what `qemu-img -p` writes: `    (12.34/100%)\r`, in pieces cut anywhere. */
function progressReader(onProgress: (fraction: number) => void): (chunk: string) => void {
  let unfinished = '';
  return (chunk) => {
    const lines = (unfinished + chunk).split('\r');
    unfinished = lines.pop() ?? '';
    for (const line of lines) {
      const percent = /\((\d+\.\d+)\/100%\)/.exec(line)?.[1];
      if (percent !== undefined) onProgress(Number(percent) / 100);
    }
  };
}
