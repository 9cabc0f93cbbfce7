import { MultipassError } from '../../errors.js';

/** QEMU's names for the host's processor, and the board that guests for it run on. */
export interface QemuTarget {
  /** `x86_64` or `aarch64`. */
  readonly arch: string;
  /** `pc` or `virt`: an alias, which each version of QEMU resolves to its own. */
  readonly board: string;
}

const TARGETS: Readonly<Record<string, QemuTarget>> = {
  x64: { arch: 'x86_64', board: 'pc' },
  arm64: { arch: 'aarch64', board: 'virt' },
};

/**
 * What QEMU calls this host.
 * @param arch as Node's `process.arch`
 * @throws MultipassError QEMU_FAILED for a processor that guests are not made for
 */
export function qemuTarget(arch: string = process.arch): QemuTarget {
  const target = TARGETS[arch];
  if (target !== undefined) return target;
  throw new MultipassError('QEMU_FAILED', `instances cannot run on a processor of kind "${arch}"`, {
    hint: 'Use a machine with an x86-64 or an arm64 processor.',
  });
}

/** The program that runs guests of a processor family. */
export function qemuProgram(arch: string): string {
  return `qemu-system-${arch}`;
}
