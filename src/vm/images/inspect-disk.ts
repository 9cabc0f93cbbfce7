import { lookAtDisk, type DiskFormat } from '../../qemu/disk-format.js';
import type { Qcow2Facts } from '../../qemu/qcow2-header.js';
import { aboutImage, imageInvalid } from './image-invalid.js';

/** A disk from outside that may be used. */
export interface InspectedDisk {
  readonly format: DiskFormat;
  /** Only of a qcow2 image. */
  readonly qcow2: Qcow2Facts | null;
}

/** The largest disk that is taken, as the guest sees it: far more than any image has, and no strain on qcow2. */
const LARGEST = 16 * 1024 ** 4;

/**
 * Looks at a file from outside before any program does.
 * @param origin its URL or path, for messages
 * @param as the user says that it is a raw disk
 * @returns undefined for what is packed with xz
 * @throws MultipassError IMAGE_INVALID, with what it is, for whatever is no disk or does not stand alone
 */
export async function inspectDisk(
  path: string,
  origin: string,
  as?: 'raw',
): Promise<InspectedDisk | undefined> {
  const look = await aboutImage(origin, () => lookAtDisk(path, { as }));
  if (look.kind === 'xz') return undefined;
  if (look.kind === 'unfit') {
    const { problem, hint, mayBeRaw = false } = look;
    const more = mayBeRaw ? ' If it boots as it is, say so with `--image-format raw`.' : '';
    throw imageInvalid(origin, problem, hint === undefined ? {} : { hint: hint + more });
  }
  requireReasonableSize(look.facts?.virtualSize ?? 0, origin);
  return { format: look.format, qcow2: look.facts };
}

/** @throws MultipassError IMAGE_INVALID for a disk that says of itself that it is larger than any can be */
export function requireReasonableSize(virtualSize: number, origin: string): void {
  if (virtualSize <= LARGEST) return;
  throw imageInvalid(origin, `its disk is larger than can be: ${virtualSize} bytes`);
}
