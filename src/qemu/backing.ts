import { MultipassError } from '../errors.js';

/** The file a qcow2 image stands on. */
export interface Backing {
  /** A plain name, meant from the folder of the image that stands on it. */
  readonly file: string;
  /** QEMU's name of its format: `qcow2` or `raw`. */
  readonly format: string;
}

/**
 * The backing file's name for qemu-img, which would take one with a `:` for a protocol.
 * @throws MultipassError INVALID_ARGUMENT when it is no plain name
 */
export function backingName(backing: Backing): string {
  if (!/^[^/:]+$/.test(backing.file)) {
    throw new MultipassError(
      'INVALID_ARGUMENT',
      `the backing file "${backing.file}" is no plain name of a file beside the disk`,
      {
        hint: 'Put the backing file into the folder of the disk, under a name without "/" and ":".',
      },
    );
  }
  return backing.file;
}
